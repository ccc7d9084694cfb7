// Values as JSON.
import { literal, type Sequence } from "../rules/rules.ts";
import type { TypedAlternative } from "../schema/alternatives.ts";
import { arraySequence } from "./array.ts";
import { constantSequences } from "./constants.ts";
import type { ArrayForm, Emitter, Notation, ObjectForm } from "./emitter.ts";
import { numberSequence } from "./number.ts";
import { objectSequence } from "./object.ts";
import { otherTextRule } from "./other-texts.ts";
import { nameRule, stringSequence } from "./string.ts";

export const JSON_NOTATION: Notation = {
  key: "json",
  sequences(emitter, alternative) {
    switch (alternative.type) {
      case "string":
        return [stringSequence(emitter, alternative)];
      case "array":
        return [arraySequence(emitter, alternative, arrayForm(emitter))];
      case "object":
        return [objectSequence(emitter, alternative, objectForm(emitter))];
      case "constants":
        return constantSequences(emitter, alternative);
      default:
        return plainSequences(emitter, alternative);
    }
  },
};

/** What all notations write alike. */
export function plainSequences(
  emitter: Emitter,
  alternative: TypedAlternative & { type: "null" | "boolean" | "number" },
): Sequence[] {
  if (alternative.type === "null") return [[literal("null")]];
  return alternative.type === "boolean" ? [[literal("true")], [literal("false")]] : [numberSequence(emitter, alternative)];
}

const COMMA = literal(",");
const QUOTE = literal('"');
const ARRAY = { begin: literal("["), end: literal("]") };
const OBJECT = { begin: literal("{"), end: literal("}") };

const arrayForm = ({ common: { gap } }: Emitter): ArrayForm => ({
  ...{ open: [ARRAY.begin], first: [gap], between: [COMMA, gap], close: [gap, ARRAY.end] },
  element: (value) => [value],
});

/** The first quotes of a name stand before it, so that names that begin alike share a rule. */
const objectForm = (emitter: Emitter): ObjectForm => {
  const { gap, colon } = emitter.common;
  return {
    ...{ open: [OBJECT.begin, gap], first: [QUOTE], between: [COMMA, gap, QUOTE] },
    ...{ close: [gap, OBJECT.end], none: [OBJECT.end] },
    member: (name, goal) => [literal(JSON.stringify(name).slice(1)), colon, emitter.value(goal)],
    further: {
      names: {
        other: (known) => otherTextRule(emitter, known),
        of: (language) => nameRule(emitter, language),
      },
      member: (name, goal) => [name, colon, emitter.value(goal)],
    },
  };
};
