// Where a value breaks a schema.
import type { SchemaFailure } from "../../../adapter.ts";
import { type AlternativesOf, elementGoal, type Goal, type Holds, type TypedAlternative } from "./alternatives.ts";
import type { GrammarWork } from "../regex/work.ts";
import { propertyGoal } from "./property-goal.ts";
import { escapePart, isObject } from "./subschemas.ts";

export function createFailureFinder(alternativesOf: AlternativesOf, holds: Holds, work: GrammarWork) {
  const failure = (value: unknown, goal: Goal, pointer: string): SchemaFailure | undefined => {
    const alternatives = alternativesOf(goal);
    if (goal.length === 0 || holds(value, alternatives)) return undefined;
    const fitting = alternatives.filter(({ type }) => type === typeOf(value));
    // No one knows which of several alternatives was meant.
    const [only] = fitting;
    if (only === undefined) return { pointer, keyword: alternatives.some(({ type }) => type === "constants") ? "enum" : "type" };
    if (fitting.length > 1) return { pointer, keyword: "anyOf" };
    for (const [part, child, childGoal] of partsOf(value, only, work)) {
      const found = failure(child, childGoal, `${pointer}/${escapePart(part)}`);
      if (found !== undefined) return found;
    }
    return { pointer, keyword: keywordOf(value, only, holds) };
  };
  return (value: unknown, goal: Goal): SchemaFailure | undefined => failure(value, goal, "");
}

function* partsOf(
  value: unknown,
  alternative: TypedAlternative,
  work: GrammarWork,
): Generator<[part: string | number, value: unknown, goal: Goal]> {
  if (alternative.type === "array" && Array.isArray(value))
    for (const [i, element] of value.entries()) yield [i, element, elementGoal(alternative, i)];
  if (alternative.type === "object" && isObject(value))
    for (const [name, part] of Object.entries(value)) yield [name, part, propertyGoal(alternative.layers, name, work)];
}

function keywordOf(value: unknown, alternative: TypedAlternative, holds: Holds): string {
  if (alternative.type === "string") {
    const broken = alternative.patterns.find((pattern) => !holds(value, [{ ...alternative, patterns: [pattern] }]));
    return broken?.keyword ?? "pattern";
  }
  if (alternative.type === "object") return "properties";
  return alternative.type === "constants" ? "enum" : "type";
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
