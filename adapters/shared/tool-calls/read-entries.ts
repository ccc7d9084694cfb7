// Arguments as entries of a key and a value.
import type { EntrySyntax, ValueKind } from "../../call-syntax.ts";
import { kindOf } from "../json-schema-grammar/schema/kinds-of.ts";
import type { ExpectedValue } from "./expected-value.ts";
import { parseLiteral } from "./literal.ts";
import { takeNestedOrText } from "./nested-or-text.ts";
import { readNested } from "./read-json.ts";
import { gather, peekOneOf, type TextReading, readText, takeOneOf, takeUntil, type TextSource } from "./text-source.ts";
import { typedValue } from "./typed-value.ts";

export const CDATA = { begin: "<![CDATA[", end: "]]>" };
const NESTED = ["[", "{"];
const QUOTES = ["'", '"'];

export function* readEntries(
  source: TextSource,
  syntax: EntrySyntax,
  next: readonly string[],
  expected: ExpectedValue,
): TextReading {
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
    const { kinds: permitted, fits } = expected.property(key.text);
    const kinds = new Set([...permitted].filter((kind) => value_begin[kind] === key.end));
    const written = new Set((Object.keys(value_begin) as ValueKind[]).filter((kind) => value_begin[kind] === key.end));
    const value = { kinds: kinds.size > 0 ? kinds : written, fits };
    found = yield* readValue(source, syntax, value, [further, ...last.keys()]);
    entry = found === further;
  }
  source.at -= last.get(found) ?? without.get(found) ?? 0;
  yield "}";
}

/** Answers with the one of the ends that has come. */
function* readValue(
  source: TextSource,
  { strings }: EntrySyntax,
  expected: Pick<ExpectedValue, "kinds" | "fits">,
  ends: readonly string[],
): TextReading<string> {
  const { kinds } = expected;
  const begin = yield* peekOneOf(source, [...(strings === "python" ? QUOTES : []), ...NESTED, CDATA.begin]);
  const is_text = kinds.has("string") && strings !== "python";
  if (NESTED.includes(begin) && is_text && (kinds.has("array") || kinds.has("object"))) {
    const { text, end } = yield* takeNestedOrText(source, ends, (text) => isNested(text, expected));
    yield typedValue(text, expected);
    return end;
  }
  if (QUOTES.includes(begin) || (NESTED.includes(begin) && !is_text)) {
    const text = yield* gather(readNested(source));
    yield QUOTES.includes(begin) ? JSON.stringify(parseLiteral(text) ?? text) : typedValue(text, expected);
    return yield* takeOneOf(source, ends);
  }
  let [text_ends, quoted] = [ends, ""];
  if (strings === "cdata" && begin === CDATA.begin) {
    source.at += begin.length;
    [text_ends, quoted] = [ends.map((end) => CDATA.end + end), CDATA.end];
  }
  if (kinds.size === 1 && kinds.has("string")) return (yield* readText(source, text_ends)).slice(quoted.length);
  const { text, end } = yield* takeUntil(source, text_ends);
  yield typedValue(text, expected);
  return end.slice(quoted.length);
}

/** Whether the text is a list or an object that the schema takes. */
function isNested(text: string, { kinds, fits }: Pick<ExpectedValue, "kinds" | "fits">): boolean {
  const value = parseLiteral(text);
  return typeof value === "object" && kinds.has(kindOf(value)) && fits(value);
}
