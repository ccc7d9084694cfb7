// A choice of names as a tree, so that the sampler compares a token with few of them.
import { sequence, textPart } from "./rule-parts.ts";

interface Named {
  name: string;
  /** What stands behind the name. */
  rest: string;
}

/** Rules that begin with `root`, each for the names that begin alike. */
export function nameRules(root: string, names: readonly Named[]): string[] {
  const lines: string[] = [];
  const add = (rule: string, among: readonly Named[], from: number): void => {
    const groups = Map.groupBy(among, ({ name }) => name.slice(from, from + 1));
    const alternatives = [...groups].map(([first, group], at) => {
      if (first === "") return sequence(group[0]!.rest);
      if (group.length === 1) return sequence(textPart(group[0]!.name.slice(from)), group[0]!.rest);
      const next = commonLength(group, from);
      add(`${rule}-${at}`, group, next);
      return sequence(textPart(group[0]!.name.slice(from, next)), `${rule}-${at}`);
    });
    lines.unshift(`${rule} ::= ${alternatives.join(" | ")}`);
  };
  add(root, names, 0);
  return lines;
}

function commonLength(group: readonly Named[], from: number): number {
  const [{ name: first }] = group as readonly [Named];
  let length = from;
  while (length < first.length && group.every(({ name }) => name[length] === first[length])) length++;
  return length;
}
