// MiniMax M3's elements: each value between tags of its key, those of lists between tags of their own.
import type { ValueKind } from "../../../call-syntax.ts";
import { arraySequence } from "../../json-schema-grammar/emit/array.ts";
import type { ArrayForm, Emitter, Notation, ObjectForm } from "../../json-schema-grammar/emit/emitter.ts";
import { plainSequences } from "../../json-schema-grammar/emit/json-notation.ts";
import { objectSequence } from "../../json-schema-grammar/emit/object.ts";
import { isPlain, plainText } from "../../json-schema-grammar/emit/plain-text.ts";
import { NO_BRACKET } from "../../json-schema-grammar/rules/left-factored.ts";
import { literal } from "../../json-schema-grammar/rules/rules.ts";
import { isObject } from "../../json-schema-grammar/schema/subschemas.ts";
import { ITEM } from "../read-elements.ts";
import { reportMisreadings } from "./misreadings.ts";
import { constantTexts, leaveOutName } from "./notation-parts.ts";

export function elementNotation(mark: string): Notation {
  const tags = (name: string): [begin: string, end: string] => [`${mark}<${name}>`, `${mark}</${name}>`];
  const [item_begin, item_end] = tags(ITEM);
  const list: ArrayForm = {
    ...{ open: [NO_BRACKET], first: [], between: [], close: [] },
    element: (value) => [literal(item_begin), value, literal(item_end)],
  };
  // A name stands at both ends of an element, which no rule can compare: names that the schema does not name are not written.
  const object = (emitter: Emitter, isName: (name: string) => boolean): ObjectForm => ({
    ...{ open: [NO_BRACKET], first: [], between: [], close: [], none: [] },
    member(name, goal) {
      if (!isName(name)) return leaveOutName(emitter, name, goal);
      const [begin, end] = tags(name);
      return [literal(begin), emitter.value(goal), literal(end)];
    },
  });
  const valueText = (value: unknown): string | undefined => {
    if (typeof value === "string") return isPlain(value, mark) ? value : undefined;
    if (Array.isArray(value)) return joined(value.map((one) => between(tags(ITEM), valueText(one))));
    if (!isObject(value)) return JSON.stringify(value);
    return joined(Object.entries(value).map(([name, one]) => (isTag(name) ? between(tags(name), valueText(one)) : undefined)));
  };
  return {
    key: `elements ${mark}`,
    sequences(emitter, alternative, beside) {
      reportMisreadings(emitter, alternative, beside, ALIKE);
      switch (alternative.type) {
        case "string":
          return [plainText(emitter, alternative, mark)];
        case "array":
          return [arraySequence(emitter, alternative, list)];
        case "object": {
          const isList = beside.some(({ type }) => type === "array");
          return [
            objectSequence(
              emitter,
              alternative,
              object(emitter, (name) => isTag(name) && !(isList && name === ITEM)),
            ),
          ];
        }
        case "constants":
          return constantTexts(emitter, alternative, valueText);
        default:
          return plainSequences(emitter, alternative);
      }
    },
  };
}

const ALIKE = { kinds: new Set<ValueKind>(["string", "number", "boolean", "null", "array", "object"]), deep: true };

/** Whether a name can stand in a tag: it is read up to its end, and a slash would make it the end of an element. */
const isTag = (name: string): boolean => name.isWellFormed() && !name.includes(">") && !name.startsWith("/");

const between = ([begin, end]: [string, string], text: string | undefined): string | undefined =>
  text === undefined ? undefined : begin + text + end;

const joined = (parts: readonly (string | undefined)[]): string | undefined =>
  parts.includes(undefined) ? undefined : parts.join("");
