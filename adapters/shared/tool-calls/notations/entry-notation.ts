// Arguments as entries of a key and a value. What the values hold is JSON.
import type { EntrySyntax, ValueKind } from "../../../call-syntax.ts";
import type { Emitter, Notation, ObjectForm } from "../../json-schema-grammar/emit/emitter.ts";
import { JSON_NOTATION } from "../../json-schema-grammar/emit/json-notation.ts";
import { objectSequence } from "../../json-schema-grammar/emit/object.ts";
import { isPlain, plainText } from "../../json-schema-grammar/emit/plain-text.ts";
import { NO_BRACKET } from "../../json-schema-grammar/rules/left-factored.ts";
import { literal, type Sequence } from "../../json-schema-grammar/rules/rules.ts";
import type { Goal, TypedAlternative } from "../../json-schema-grammar/schema/alternatives.ts";
import { ofKinds } from "../../json-schema-grammar/schema/kinds-of.ts";
import { ANY_VALUE } from "../expected-value.ts";
import { CDATA, readEntries } from "../read-entries.ts";
import { gather, SyntaxMismatch, type TextReading } from "../text-source.ts";
import { reportMisreadings } from "./misreadings.ts";
import { constantTexts, furtherNameSpelling, leaveOutName, textPart } from "./notation-parts.ts";

/** `next`: what may stand behind the arguments. */
export function entryNotation(syntax: EntrySyntax, next: readonly string[]): Notation {
  const { begin, between, end, none, key_begin, value_begin, value_end, strings } = syntax;
  const kinds = Object.entries(value_begin) as [ValueKind, string][];
  const kinds_by_begin = Map.groupBy(kinds, ([, text]) => text);
  const written_as_texts = strings === "python" ? [] : kinds.filter(([, text]) => text === value_begin.string);
  const alike = { kinds: new Set(written_as_texts.map(([kind]) => kind)), deep: false };

  const valueRule = (emitter: Emitter, goal: Goal): number => {
    const alternatives = emitter.reader.alternatives(goal);
    const sequences = [...kinds_by_begin].flatMap(([text, group]) =>
      valueSequences(emitter, ofKinds(alternatives, new Set(group.map(([kind]) => kind))), syntax).map((value) => [
        ...textPart(text),
        ...value,
      ]),
    );
    return emitter.rules.add(sequences);
  };
  // Tools have many names in common.
  const readable = new Map<string, boolean>();
  const isName = (name: string): boolean => {
    const found = readable.get(name) ?? (name.isWellFormed() && readsName(name, syntax, next));
    readable.set(name, found);
    return found;
  };
  const objectForm = (emitter: Emitter): ObjectForm => ({
    ...{ open: [NO_BRACKET], first: textPart(begin), between: textPart(between), close: textPart(end), none: textPart(none) },
    member(name, goal) {
      if (!isName(name)) return leaveOutName(emitter, name, goal);
      return [literal(key_begin + name), valueRule(emitter, goal), ...textPart(value_end)];
    },
    further: {
      names: furtherNameSpelling(emitter),
      member: (name, goal) => [...textPart(key_begin), name, valueRule(emitter, goal), ...textPart(value_end)],
    },
  });
  return {
    key: `entries ${JSON.stringify([syntax, next])}`,
    sequences(emitter, alternative, beside) {
      if (alternative.type === "object") {
        reportMisreadings(emitter, alternative, beside, alike);
        return [objectSequence(emitter, alternative, objectForm(emitter))];
      }
      // The arguments as a whole, which are an object: no entry shows where a constant begins.
      return alternative.type === "constants" ? constantTexts(emitter, alternative, () => undefined) : [];
    },
  };
}

/** The ways to write a value, which have the same text before them. */
function valueSequences(
  emitter: Emitter,
  alternatives: readonly TypedAlternative[],
  { strings, value_end }: EntrySyntax,
): Sequence[] {
  const texts = strings === "python" ? [] : ofKinds(alternatives, new Set(["string"]));
  const others = texts.length === 0 ? alternatives : ofKinds(alternatives, NO_TEXTS);
  return [
    ...texts.flatMap((text) => (strings === "raw" ? rawTexts(emitter, text, value_end) : cdataTexts(emitter, text))),
    ...(others.length === 0 ? [] : [[emitter.valueIn(JSON_NOTATION, others)]]),
  ];
}

const NO_TEXTS = new Set<ValueKind>(["number", "boolean", "null", "array", "object"]);

function rawTexts(emitter: Emitter, texts: TypedAlternative, end: string): Sequence[] {
  if (texts.type === "string") return [plainText(emitter, texts, end)];
  if (texts.type !== "constants") return [];
  return constantTexts(emitter, texts, (text) => (isPlain(text as string, end) ? (text as string) : undefined));
}

/** A text as it is, where no element may begin within, or as CDATA. */
function cdataTexts(emitter: Emitter, texts: TypedAlternative): Sequence[] {
  if (texts.type === "string")
    return [
      plainText(emitter, texts, ELEMENT),
      [literal(CDATA.begin), ...plainText(emitter, texts, CDATA.end), literal(CDATA.end)],
    ];
  if (texts.type !== "constants") return [];
  return constantTexts(emitter, texts, (value) => {
    const text = value as string;
    if (isPlain(text, ELEMENT)) return text;
    return isPlain(text, CDATA.end) ? CDATA.begin + text + CDATA.end : undefined;
  });
}

const ELEMENT = "<";

/** Whether entries of that name are read as such: one that is the first, and one that follows it. */
function readsName(name: string, syntax: EntrySyntax, next: readonly string[]): boolean {
  const { begin, between, end, key_begin, value_begin, value_end, strings } = syntax;
  const text = strings === "python" ? '"x"' : "x";
  const samples = { string: [text, '"x"'], number: ["0", "0"] } as const;
  return (["string", "number"] as const).every((kind) => {
    const [written, read] = samples[kind];
    const entry = key_begin + name + value_begin[kind] + written + value_end;
    const member = `${JSON.stringify(name)}:${read}`;
    return next.every((behind) => {
      const source = { text: begin + entry + between + entry + end + behind, at: 0, ended: true };
      return readAll(readEntries(source, syntax, next, ANY_VALUE)) === `{${member},${member}}`;
    });
  });
}

/** Undefined where the text is not what the syntax says. */
function readAll(reading: TextReading): string | undefined {
  try {
    return gather(reading).next().value;
  } catch (error) {
    if (error instanceof SyntaxMismatch) return undefined;
    throw error;
  }
}
