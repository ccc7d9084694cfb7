// Values of any kind: each goal is a rule, so that a schema may lead back to itself.
import { createRules, literal, type Rules, type Sequence } from "../rules/rules.ts";
import { type TypedAlternative, type Goal, goalKey } from "../schema/alternatives.ts";
import type { SchemaReader } from "../schema/alternatives-of.ts";
import { arraySequence } from "./array.ts";
import { commonRules } from "./common-rules.ts";
import { constantSequences } from "./constants.ts";
import type { Emitter } from "./emitter.ts";
import { numberSequence } from "./number.ts";
import { objectSequence } from "./object.ts";
import { stringSequence } from "./string.ts";

export interface ValueEmitter {
  rules: Rules;
  /** Rules with several alternatives of one type: a value may be read in more than one way. */
  ambiguous: readonly number[];
  /** The rule of a value that fits one of the goals. */
  emit(reader: SchemaReader, goals: readonly Goal[], named_only: boolean): number;
}

/** Rules of values, for one schema or for many: what they have in common is written once. */
export function createValueEmitter(schemas = 1): ValueEmitter {
  const rules = createRules(schemas);
  const common = commonRules(rules);
  const ambiguous: number[] = [];
  const emit: ValueEmitter["emit"] = (reader, goals, named_only) => {
    const open: { rule: number; goal: Goal }[] = [];
    const value = (goal: Goal): number =>
      rules.once(`value ${goalKey(goal)}`, (rule) => {
        open.push({ rule, goal });
        return [];
      });
    const emitter: Emitter = { rules, reader, common, named_only, value };
    const root = goals.length === 1 ? value(goals[0]!) : rules.add(goals.map((goal) => [value(goal)]));
    while (open.length > 0) {
      const { rule, goal } = open.pop()!;
      const alternatives = reader.alternatives(goal);
      if (isAmbiguous(alternatives)) ambiguous.push(rule);
      rules.define(
        rule,
        alternatives.flatMap((alternative) => sequences(emitter, alternative)),
      );
    }
    return root;
  };
  return { rules, ambiguous, emit };
}

function isAmbiguous(alternatives: readonly TypedAlternative[]): boolean {
  return new Set(alternatives.map(({ type }) => type)).size < alternatives.length;
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
