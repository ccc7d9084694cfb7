// Repetitions with bounds as named rules: llama.cpp unfolds {m,n} into as many rules, and reads {0,2001} as if it had no end.
import type { Rules, Sequence } from "../rules/rules.ts";

/** Up to so many a rule for each: then two readings are open at a time, but the rules are few. */
const LONGEST_CHAIN = 64;
/** Items that hold others have longer ones: two readings at each level would be too many. */
const LONGEST_CHAIN_OF_VALUES = 1_000;

/** From `min` to `max` items, then the end. The item must not be empty. */
export function countedRule(rules: Rules, item: number, min: number, max: number, end: Sequence): number {
  return behindLeast(rules, item, min, max === Infinity ? endless(rules, item, end) : upTo(rules, item, max - min, end));
}

/** The same for items that may hold such items in turn. */
export function countedValues(rules: Rules, item: number, min: number, max: number, end: Sequence): number {
  if (max === Infinity) return countedRule(rules, item, min, max, end);
  if (max - min <= LONGEST_CHAIN_OF_VALUES) return behindLeast(rules, item, min, chain(rules, item, max - min, end));
  const first = rules.bodies.length;
  const rule = countedRule(rules, item, min, max, end);
  for (let made = first; made < rules.bodies.length; made++) rules.forks.set(made, item);
  return rule;
}

const behindLeast = (rules: Rules, item: number, min: number, tail: number): number =>
  min === 0 ? tail : rules.add([[exactly(rules, item, min), tail]]);

const endless = (rules: Rules, item: number, end: Sequence): number =>
  rules.once(`endless ${item} ${end.join(" ")}`, (rule) => [[item, rule], end]);

/** Halves of halves: few rules, and one reading. */
function exactly(rules: Rules, item: number, count: number): number {
  if (count === 1) return item;
  const half = exactly(rules, item, count >> 1);
  return rules.add([count % 2 === 0 ? [half, half] : [half, half, item]]);
}

function upTo(rules: Rules, item: number, most: number, end: Sequence): number {
  if (most <= LONGEST_CHAIN) return chain(rules, item, most, end);
  const size = Math.ceil(Math.sqrt(most));
  const block = exactly(rules, item, size);
  // What is less than a block comes last: whether this is the last block is open until it ends.
  let rule = chain(rules, item, most % size, end);
  const short = chain(rules, item, size - 1, end);
  for (let blocks = 0; blocks < Math.floor(most / size); blocks++) rule = rules.add([[block, rule], [short]]);
  return rule;
}

function chain(rules: Rules, item: number, most: number, end: Sequence): number {
  let rule = rules.add([end]);
  for (let count = 0; count < most; count++) rule = rules.add([[item, rule], end]);
  return rule;
}
