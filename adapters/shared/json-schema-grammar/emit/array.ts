// Arrays: elements with a schema of their own, then equal ones, counted.
import { literal, type Rules, type Sequence } from "../rules/rules.ts";
import { type ArrayAlternative, elementGoal } from "../schema/alternatives.ts";
import { countedValues } from "./counted.ts";
import type { Emitter } from "./emitter.ts";

export function arraySequence(emitter: Emitter, alternative: ArrayAlternative): Sequence {
  const { rules, common } = emitter;
  const { min, max, layers } = alternative;
  const end: Sequence = [common.gap, literal("]")];
  const prefix = Math.max(0, ...layers.map(({ prefix }) => prefix.length));
  const element = (index: number): number => emitter.value(elementGoal(alternative, index));
  // The first element has no comma: it is one of its own, also where all are equal.
  const own = Math.min(Math.max(prefix, 1), max);
  let tail: number | undefined;
  if (max > own) {
    const item = rules.add([[literal(","), common.gap, element(own)]]);
    tail = countedValues(rules, item, Math.max(0, min - own), max - own, end);
  }
  for (let index = own - 1; index >= 0; index--) {
    const alternatives: Sequence[] = [];
    // What comes behind this element is the tail made so far.
    const behind: number = tail ?? rules.add([end]);
    const lead: Sequence = index === 0 ? [common.gap] : [literal(","), common.gap];
    alternatives.push([...lead, element(index), behind]);
    if (index >= min) alternatives.push(index === 0 ? [common.gap, literal("]")] : end);
    tail = rules.add(alternatives);
  }
  return [literal("["), tail ?? emptyArray(rules, end)];
}

const emptyArray = (rules: Rules, end: Sequence): number => rules.add([end]);
