// Arrays: elements with a schema of their own, then equal ones, counted.
import type { Sequence } from "../rules/rules.ts";
import { type ArrayAlternative, elementGoal } from "../schema/alternatives.ts";
import { countedValues } from "./counted.ts";
import type { ArrayForm, Emitter } from "./emitter.ts";

export function arraySequence(emitter: Emitter, alternative: ArrayAlternative, form: ArrayForm): Sequence {
  const { rules } = emitter;
  const { min, max, layers } = alternative;
  const { open, first, between, close } = form;
  const prefix = Math.max(0, ...layers.map(({ prefix }) => prefix.length));
  const element = (index: number): Sequence => form.element(emitter.value(elementGoal(alternative, index)));
  // Nothing stands between the first element and the beginning: it is one of its own, also where all are equal.
  const own = Math.min(Math.max(prefix, 1), max);
  let tail: number | undefined;
  if (max > own) {
    const item = rules.add([[...between, ...element(own)]]);
    tail = countedValues(rules, item, Math.max(0, min - own), max - own, close);
  }
  for (let index = own - 1; index >= 0; index--) {
    const alternatives: Sequence[] = [];
    // What comes behind this element is the tail made so far.
    const behind: number = tail ?? rules.add([close]);
    alternatives.push([...(index === 0 ? first : between), ...element(index), behind]);
    if (index >= min) alternatives.push(close);
    tail = rules.add(alternatives);
  }
  return [...open, tail ?? rules.add([close])];
}
