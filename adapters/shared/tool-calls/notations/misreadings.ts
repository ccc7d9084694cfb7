// Where a text and a value of another kind are written alike, and only an alternative that is not known says which of them it is.
import type { ValueKind } from "../../../call-syntax.ts";
import type { Emitter } from "../../json-schema-grammar/emit/emitter.ts";
import {
  elementGoal,
  type Goal,
  goalKey,
  isNothing,
  joinGoals,
  type TypedAlternative,
} from "../../json-schema-grammar/schema/alternatives.ts";
import type { SchemaReader } from "../../json-schema-grammar/schema/alternatives-of.ts";
import { kindsOf } from "../../json-schema-grammar/schema/kinds-of.ts";
import { propertyGoal } from "../../json-schema-grammar/schema/property-goal.ts";

interface Alike {
  /** The kinds of values that are written as texts are. */
  kinds: ReadonlySet<ValueKind>;
  /** Values within values are written so, too. */
  deep: boolean;
}

/** Reports a place of the alternative where one that stands before it takes another kind of value, and one of both takes texts. */
export function reportMisreadings(
  { reader }: Emitter,
  alternative: TypedAlternative,
  beside: readonly TypedAlternative[],
  alike: Alike,
): void {
  const seen = new Set<string>();
  for (const other of beside.slice(0, Math.max(0, beside.indexOf(alternative)))) {
    const place = misread(reader, alternative, other, alike, seen);
    if (place === undefined) continue;
    reader.report(place, "type", "the calls of this model do not tell a text from another value that another alternative takes");
    return;
  }
}

/** The pointer of such a place. */
function misread(
  reader: SchemaReader,
  one: TypedAlternative,
  other: TypedAlternative,
  alike: Alike,
  seen: Set<string>,
): string | undefined {
  for (const [goal, other_goal] of placesOf(one, other, reader)) {
    const key = `${goalKey(goal)} ${goalKey(other_goal)}`;
    if (seen.has(key) || goalKey(goal) === goalKey(other_goal)) continue;
    seen.add(key);
    const [ones, others] = [reader.alternatives(goal), reader.alternatives(other_goal)];
    const [kinds, other_kinds] = [ones, others].map((some) => [...kindsOf(some)].filter((kind) => alike.kinds.has(kind)));
    const all = new Set([...kinds!, ...other_kinds!]);
    if (all.has("string") && all.size > Math.min(kinds!.length, other_kinds!.length)) return [...goal, ...other_goal][0]!.pointer;
    if (!alike.deep) continue;
    for (const [inner, other_inner] of ones.flatMap((a) => others.map((b) => [a, b] as const))) {
      const place = misread(reader, inner, other_inner, alike, seen);
      if (place !== undefined) return place;
    }
  }
  return undefined;
}

/** What stands at the same place of both. */
function placesOf(one: TypedAlternative, other: TypedAlternative, { work }: SchemaReader): [Goal, Goal][] {
  if (one.type === "array" && other.type === "array") {
    const length = Math.max(...[one, other].flatMap(({ layers }) => layers.map(({ prefix }) => prefix.length)), 0);
    return Array.from({ length: length + 1 }, (_, index) => [elementGoal(one, index), elementGoal(other, index)]);
  }
  if (one.type !== "object" || other.type !== "object") return [];
  const names = new Set([one, other].flatMap(({ layers }) => layers.flatMap(({ properties }) => [...properties.keys()])));
  return Array.from(names, (name): [Goal, Goal] => [
    joinGoals(propertyGoal(one.layers, name, work)),
    joinGoals(propertyGoal(other.layers, name, work)),
  ]).filter((goals) => !goals.some(isNothing));
}
