// Rules as the text of a grammar.
import { productiveRules } from "./productive.ts";
import type { GrammarPart, Rules, Sequence } from "./rules.ts";

export interface PrintedRules {
  rules: string;
  /** The names of the roots. */
  roots: string[];
  count: number;
}

/** The rules that the roots need, without those that no finite text fits. `refuse` gets the index of a root that is such a rule. */
export function printRules(
  { bodies }: Rules,
  roots: readonly number[],
  prefix: string,
  refuse: (index: number) => never,
): PrintedRules {
  const productive = productiveRules(bodies);
  for (const [index, root] of roots.entries()) if (productive[root] === 0) refuse(index);
  const fits = (sequence: Sequence): boolean => sequence.every((part) => typeof part === "string" || productive[part] === 1);
  const names: (string | undefined)[] = [];
  const pending: number[] = [];
  const name = (rule: number): string => {
    const known = names[rule];
    if (known !== undefined) return known;
    const made = `${prefix}-${pending.length.toString(36)}`;
    names[rule] = made;
    pending.push(rule);
    return made;
  };
  const text = (part: GrammarPart): string => (typeof part === "string" ? part : name(part));
  const rootNames = roots.map(name);
  let rules = "";
  for (let i = 0; i < pending.length; i++) {
    const rule = pending[i]!;
    rules += `${i === 0 ? "" : "\n"}${names[rule]} ::=`;
    let first = true;
    for (const sequence of bodies[rule]!) {
      if (!fits(sequence)) continue;
      if (!first) rules += " |";
      first = false;
      if (sequence.length === 0) rules += ' ""';
      for (const part of sequence) rules += ` ${text(part)}`;
    }
  }
  return { rules, roots: rootNames, count: pending.length };
}
