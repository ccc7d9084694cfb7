// Values that a schema lists.
import { literal, type Sequence } from "../rules/rules.ts";
import { choiceRule } from "../rules/text-rules.ts";
import type { ConstantsAlternative, KeywordPlace } from "../schema/alternatives.ts";
import { isObject } from "../schema/subschemas.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";
import type { Emitter } from "./emitter.ts";

const DEEPEST = 100;

/** One alternative for all plain values, one for each other. */
export function constantSequences(emitter: Emitter, { values, place }: ConstantsAlternative): Sequence[] {
  const plain = values.filter((value) => typeof value !== "object" || value === null).map(plainText);
  const others = values.filter((value) => typeof value === "object" && value !== null);
  return [
    ...(plain.length > 0 ? [[choiceRule(emitter.rules, plain, [])]] : []),
    ...others.map((value) => valueSequence(emitter, value, place)),
  ];
}

function plainText(value: unknown): string {
  // The shortest form of a large number has an exponent, which no model writes for a whole number.
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value).toString();
  return JSON.stringify(value);
}

function valueSequence(emitter: Emitter, value: unknown, place: KeywordPlace, depth = 0): Sequence {
  const { gap, colon } = emitter.common;
  if (depth > DEEPEST) throw new UnsupportedSchema(place.pointer, place.keyword, `a constant is deeper than ${DEEPEST}`);
  const listed = (open: string, parts: Sequence[], close: string): Sequence => [
    ...[literal(open), gap],
    ...parts.flatMap((part, i) => (i === 0 ? part : [literal(","), gap, ...part])),
    ...(parts.length > 0 ? [gap] : []),
    literal(close),
  ];
  if (Array.isArray(value))
    return listed(
      "[",
      value.map((element) => valueSequence(emitter, element, place, depth + 1)),
      "]",
    );
  if (!isObject(value)) return [literal(plainText(value))];
  const pairs = Object.entries(value).map(([name, part]) => [
    literal(JSON.stringify(name)),
    colon,
    ...valueSequence(emitter, part, place, depth + 1),
  ]);
  return listed("{", pairs, "}");
}
