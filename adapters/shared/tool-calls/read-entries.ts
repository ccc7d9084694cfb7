// Arguments as entries of a key and a value.
import type { EntrySyntax, ValueKind } from "../../call-syntax.ts";
import { parseLiteral } from "./literal.ts";
import { readNested } from "./read-json.ts";
import { propertySchema, schemaKinds } from "./schema-kinds.ts";
import { gather, peekOneOf, type TextReading, readText, takeOneOf, takeUntil, type TextSource } from "./text-source.ts";
import { typedValue } from "./typed-value.ts";

export const CDATA = { begin: "<![CDATA[", end: "]]>" };
const NESTED = ["[", "{"];
const QUOTES = ["'", '"'];

export function* readEntries(source: TextSource, syntax: EntrySyntax, next: readonly string[], schema: unknown): TextReading {
  const { begin, between, end, none, key_begin, value_begin, value_end } = syntax;
  const begins = [...new Set(Object.values(value_begin))];
  const further = value_end + between + key_begin;
  const last = new Map(next.map((text) => [value_end + end + text, text.length]));
  const without = new Map(next.map((text) => [none + text, text.length]));

  yield "{";
  let found = yield* takeOneOf(source, [begin + key_begin, ...without.keys()]);
  let entry = found === begin + key_begin;
  for (let separator = ""; entry; separator = ",") {
    const key = yield* takeUntil(source, begins);
    yield `${separator}${JSON.stringify(key.text)}:`;
    const value_schema = propertySchema(schema, key.text, schema);
    const kinds = new Set([...schemaKinds(value_schema, schema)].filter((kind) => value_begin[kind] === key.end));
    const written = new Set((Object.keys(value_begin) as ValueKind[]).filter((kind) => value_begin[kind] === key.end));
    const value = { kinds: kinds.size > 0 ? kinds : written, schema: value_schema };
    found = yield* readValue(source, syntax, value, [further, ...last.keys()]);
    entry = found === further;
  }
  source.at -= last.get(found) ?? without.get(found) ?? 0;
  yield "}";
}

interface Expected {
  kinds: ReadonlySet<ValueKind>;
  schema: unknown;
}

/** Answers with the one of the ends that has come. */
function* readValue(
  source: TextSource,
  { strings }: EntrySyntax,
  expected: Expected,
  ends: readonly string[],
): TextReading<string> {
  const { kinds, schema } = expected;
  const begin = yield* peekOneOf(source, [...(strings === "python" ? QUOTES : []), ...NESTED, CDATA.begin]);
  if (QUOTES.includes(begin) || (NESTED.includes(begin) && (strings === "python" || !kinds.has("string")))) {
    const text = yield* gather(readNested(source));
    yield QUOTES.includes(begin) ? JSON.stringify(parseLiteral(text) ?? text) : typedValue(text, kinds, schema);
    return yield* takeOneOf(source, ends);
  }
  let [text_ends, quoted] = [ends, ""];
  if (strings === "cdata" && begin === CDATA.begin) {
    source.at += begin.length;
    [text_ends, quoted] = [ends.map((end) => CDATA.end + end), CDATA.end];
  }
  if (kinds.size === 1 && kinds.has("string")) return (yield* readText(source, text_ends)).slice(quoted.length);
  const { text, end } = yield* takeUntil(source, text_ends);
  yield typedValue(text, kinds, schema);
  return end.slice(quoted.length);
}
