// Texts that are none of a list: a tree of their beginnings, left at the first character that none of them has.
import { ANY_CHARACTER } from "../regex/code-points.ts";
import { literal, type Sequence } from "../rules/rules.ts";
import type { Emitter } from "./emitter.ts";

/** The rule of such a text behind its first quotes, with the last ones. */
export function otherTextRule({ rules, common }: Emitter, texts: readonly string[]): number {
  const { of, end } = common.spelling;
  const free = rules.once("any text", (rule) => [...of(ANY_CHARACTER).map((part) => [part, rule]), end]);
  const sorted = [...texts].sort().map((text) => Array.from(text));
  const leave = (from: number, to: number, depth: number): number => {
    const alternatives: Sequence[] = [];
    const taken: string[] = [];
    let isListed = false;
    for (let i = from; i < to;) {
      const character = sorted[i]![depth];
      let until = i + 1;
      while (until < to && sorted[until]![depth] === character) until++;
      if (character === undefined) isListed = true;
      else {
        taken.push(character);
        alternatives.push([literal(JSON.stringify(character).slice(1, -1)), leave(i, until, depth + 1)]);
      }
      i = until;
    }
    alternatives.push(...common.allBut(taken).map((part) => [part, free]));
    if (!isListed) alternatives.push(end);
    return rules.add(alternatives);
  };
  return texts.length === 0 ? free : leave(0, sorted.length, 0);
}
