// Values of any kind. What two schemas have in common is one rule, and a schema may lead back to itself.
import { beginAlike, leftFactored } from "../rules/left-factored.ts";
import { createRules, type Rules, type Sequence, sequencesKey } from "../rules/rules.ts";
import type { TypedAlternative, Goal } from "../schema/alternatives.ts";
import type { SchemaReader } from "../schema/alternatives-of.ts";
import { commonRules } from "./common-rules.ts";
import type { Emitter, Notation } from "./emitter.ts";

export interface ValueEmitter {
  rules: Rules;
  /** The rule of a value that fits the goal. */
  emit(reader: SchemaReader, goal: Goal, options: { notation: Notation; named_only: boolean }): number;
}

/** Values within values whose rules are made at once: deeper ones wait, so that no schema is too deep for the call stack. */
const DEEPEST_AT_ONCE = 60;

/** Rules of values, for one schema or for many: what they have in common is written once. */
export function createValueEmitter(schemas = 1): ValueEmitter {
  const rules = createRules(schemas);
  const common = commonRules(rules);
  const made = new Map<string, number>();
  const keyOf = createKeys();
  const emit: ValueEmitter["emit"] = (reader, goal, { notation: whole, named_only }) => {
    const open = new Set<string>();
    const waiting: { rule: number; alternatives: readonly TypedAlternative[]; notation: Notation }[] = [];
    const unions: { rule: number; sequences: readonly Sequence[] }[] = [];
    const ruleFor = (alternatives: readonly TypedAlternative[], notation: Notation): number => {
      const key = `${notation.key} ${keyOf(alternatives)}`;
      const known = made.get(key);
      if (known !== undefined) return known;
      const leadsBack = open.has(key);
      if (leadsBack || open.size === DEEPEST_AT_ONCE) {
        const rule = rules.reserve();
        made.set(key, rule);
        if (!leadsBack) waiting.push({ rule, alternatives, notation });
        return rule;
      }
      open.add(key);
      const sequences = sequencesOf(alternatives, notation);
      open.delete(key);
      const rule = define(made.get(key), sequences);
      made.set(key, rule);
      return rule;
    };
    const emitterOf = (notation: Notation): Emitter => ({
      ...{ rules, reader, common, named_only },
      value: (goal) => ruleFor(reader.alternatives(goal), notation),
      valueIn: (other, alternatives) => ruleFor(alternatives, other),
    });
    const sequencesOf = (alternatives: readonly TypedAlternative[], notation: Notation): readonly Sequence[] => {
      const emitter = emitterOf(notation);
      const written = (some: readonly TypedAlternative[]): Sequence[] =>
        some.flatMap((alternative) => notation.sequences(emitter, alternative, alternatives));
      if (alternatives.length === 1) return notation.sequences(emitter, alternatives[0]!, alternatives);
      const structured = alternatives.filter(isStructured);
      if (structured.length === 0 || structured.length === alternatives.length) return written(alternatives);
      // What may also be null, or a text, has the rule of what may not.
      return [...written(alternatives.filter((alternative) => !isStructured(alternative))), [ruleFor(structured, notation)]];
    };
    /** `reserved`: the rule that others lead to already. */
    const define = (reserved: number | undefined, sequences: readonly Sequence[]): number => {
      if (!beginAlike(sequences)) {
        if (reserved === undefined) return ruleOf(rules, sequences);
        rules.settle(reserved, sequences);
        return reserved;
      }
      const union = rules.once(`union ${sequencesKey(sequences)}`, (rule) => {
        unions.push({ rule, sequences });
        return [];
      });
      if (reserved === undefined) return union;
      rules.define(reserved, [[union]]);
      return reserved;
    };
    const root = ruleFor(reader.alternatives(goal), whole);
    while (waiting.length > 0) {
      const { rule, alternatives, notation } = waiting.pop()!;
      define(rule, sequencesOf(alternatives, notation));
    }
    // Only now are the rules known that they lead to.
    for (const { rule, sequences } of unions) rules.define(rule, leftFactored(rules, sequences));
    return root;
  };
  return { rules, emit };
}

/** The same text for the same alternatives. They are told apart as objects: a reader gives the same ones to all that refer to a schema. */
function createKeys(): (alternatives: readonly TypedAlternative[]) => string {
  const numbers = new WeakMap<TypedAlternative, number>();
  let count = 0;
  const nameOf = (alternative: TypedAlternative): string | number => {
    if (alternative.type === "null" || alternative.type === "boolean") return alternative.type;
    const number = numbers.get(alternative) ?? count++;
    numbers.set(alternative, number);
    return number;
  };
  return (alternatives) => alternatives.map(nameOf).join();
}

const isStructured = ({ type }: TypedAlternative): boolean => type === "object" || type === "array";

/** A rule that is nothing but another one is that one. */
function ruleOf(rules: Rules, sequences: readonly Sequence[]): number {
  const [only, ...others] = sequences;
  const [part] = only ?? [];
  return others.length === 0 && only?.length === 1 && typeof part === "number" ? part : rules.add(sequences);
}
