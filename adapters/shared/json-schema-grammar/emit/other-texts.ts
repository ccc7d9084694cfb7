// Texts that are none of a list: a tree of their beginnings, left at the first character that none of them has.
import { ANY_CHARACTER, type CodePoints, complement, intersection, union } from "../regex/code-points.ts";
import type { Sequence } from "../rules/rules.ts";
import type { Emitter } from "./emitter.ts";

/** The rule of such a text behind its first quotes, with the last ones. */
export function otherTextRule({ rules, common }: Emitter, texts: readonly string[]): number {
  const { of, end } = common.spelling;
  const free = rules.once("any text", (rule) => [...of(ANY_CHARACTER).map((part) => [part, rule]), end]);
  const sorted = [...texts].sort().map((text) => Array.from(text));
  const leave = (from: number, to: number, depth: number): number => {
    const alternatives: Sequence[] = [];
    const taken: CodePoints[] = [];
    let isListed = false;
    for (let i = from; i < to;) {
      const character = sorted[i]![depth];
      let until = i + 1;
      while (until < to && sorted[until]![depth] === character) until++;
      if (character === undefined) isListed = true;
      else {
        const codePoint = character.codePointAt(0)!;
        taken.push([[codePoint, codePoint]]);
        for (const part of of([[codePoint, codePoint]])) alternatives.push([part, leave(i, until, depth + 1)]);
      }
      i = until;
    }
    const others = intersection(ANY_CHARACTER, complement(union(...taken)));
    alternatives.push(...of(others).map((part) => [part, free]));
    if (!isListed) alternatives.push(end);
    return rules.add(alternatives);
  };
  return texts.length === 0 ? free : leave(0, sorted.length, 0);
}
