// Values of any kind: each goal is a rule, so that a schema may lead back to itself.
import { createRules, literal, type Rules, type Sequence } from "../rules/rules.ts";
import { type TypedAlternative, type Goal, goalKey } from "../schema/alternatives.ts";
import type { SchemaReader } from "../schema/alternatives-of.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";
import { arraySequence } from "./array.ts";
import { commonRules } from "./common-rules.ts";
import { constantSequences } from "./constants.ts";
import type { Emitter } from "./emitter.ts";
import { numberSequence } from "./number.ts";
import { objectSequence } from "./object.ts";
import { stringSequence } from "./string.ts";

/** While they are made; those that are left when all are known are counted anew. */
const MOST_MADE = 60_000;

/** The rules of a value that fits one of the goals, and the number of its rule. */
export function emitValue(reader: SchemaReader, goals: readonly Goal[]): { rules: Rules; root: number } {
  const rules = createRules();
  const open: { rule: number; goal: Goal }[] = [];
  const emitter: Emitter = {
    ...{ rules, reader, common: commonRules(rules) },
    value: (goal) =>
      rules.once(`value ${goalKey(goal)}`, (rule) => {
        open.push({ rule, goal });
        return [];
      }),
  };
  const root = goals.length === 1 ? emitter.value(goals[0]!) : rules.add(goals.map((goal) => [emitter.value(goal)]));
  while (open.length > 0) {
    const { rule, goal } = open.pop()!;
    rules.define(
      rule,
      reader.alternatives(goal).flatMap((alternative) => sequences(emitter, alternative)),
    );
    if (rules.bodies.length > MOST_MADE) throw new UnsupportedSchema("", "", "it takes too many rules");
  }
  return { rules, root };
}

function sequences(emitter: Emitter, alternative: TypedAlternative): Sequence[] {
  switch (alternative.type) {
    case "null":
      return [[literal("null")]];
    case "boolean":
      return [[literal("true")], [literal("false")]];
    case "constants":
      return constantSequences(emitter, alternative.values);
    case "number":
      return [numberSequence(emitter, alternative)];
    case "string":
      return [stringSequence(emitter, alternative)];
    case "array":
      return [arraySequence(emitter, alternative)];
    default:
      return [objectSequence(emitter, alternative)];
  }
}
