// Gemma 4's objects: keys without quotes where they need none, and a token around texts.
import type { ArrayForm, Emitter, Notation, ObjectForm } from "../../json-schema-grammar/emit/emitter.ts";
import { arraySequence } from "../../json-schema-grammar/emit/array.ts";
import { plainSequences } from "../../json-schema-grammar/emit/json-notation.ts";
import { objectSequence } from "../../json-schema-grammar/emit/object.ts";
import { isPlain, plainText } from "../../json-schema-grammar/emit/plain-text.ts";
import { literal } from "../../json-schema-grammar/rules/rules.ts";
import { isObject } from "../../json-schema-grammar/schema/subschemas.ts";
import { constantTexts, furtherNameSpelling, leaveOutName } from "./notation-parts.ts";

export function bareNotation(quote: string): Notation {
  return {
    key: `bare ${quote}`,
    sequences(emitter, alternative) {
      switch (alternative.type) {
        case "string":
          return [[literal(quote), ...plainText(emitter, alternative, quote), literal(quote)]];
        case "array":
          return [arraySequence(emitter, alternative, LIST)];
        case "object":
          return [objectSequence(emitter, alternative, objectForm(emitter, quote))];
        case "constants":
          return constantTexts(emitter, alternative, (value) => valueText(value, quote));
        default:
          return plainSequences(emitter, alternative);
      }
    },
  };
}

const LIST: ArrayForm = {
  ...{ open: [literal("[")], first: [], between: [literal(",")], close: [literal("]")] },
  element: (value) => [value],
};

const objectForm = (emitter: Emitter, quote: string): ObjectForm => ({
  ...{ open: [literal("{")], first: [], between: [literal(",")], close: [literal("}")], none: [literal("}")], sorted: true },
  member(name, goal) {
    const key = keyText(name, quote);
    if (key === undefined) return leaveOutName(emitter, name, goal);
    return [literal(`${key}:`), emitter.value(goal)];
  },
  further: {
    names: furtherNameSpelling(emitter),
    member: (name, goal) => [name, literal(":"), emitter.value(goal)],
  },
});

/** Undefined where no quotes make it readable. */
function keyText(name: string, quote: string): string | undefined {
  if (/^[^\s:}][^:]*$/.test(name) && !name.startsWith(quote) && name.isWellFormed()) return name;
  return isPlain(name, quote) ? `${quote}${name}${quote}` : undefined;
}

function valueText(value: unknown, quote: string): string | undefined {
  if (typeof value === "string") return isPlain(value, quote) ? `${quote}${value}${quote}` : undefined;
  if (Array.isArray(value))
    return listed(
      "[",
      value.map((item) => valueText(item, quote)),
      "]",
    );
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, item]) => {
    const [key, text] = [keyText(name, quote), valueText(item, quote)];
    return key === undefined || text === undefined ? undefined : `${key}:${text}`;
  });
  return listed("{", members, "}");
}

const listed = (open: string, parts: readonly (string | undefined)[], close: string): string | undefined =>
  parts.includes(undefined) ? undefined : open + parts.join(",") + close;
