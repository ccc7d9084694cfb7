// The smallest automaton that takes the same texts.
import { type CodePoints, union } from "./code-points.ts";
import type { Dfa } from "./automaton.ts";

/** `table`: for each state the next one by symbol, or -1. States that lead to no end go, equal ones become one. */
export function minimized(table: readonly Int32Array[], ends: readonly boolean[], symbols: readonly CodePoints[]): Dfa {
  const alive = leadingToEnds(table, ends);
  if (!alive[0]) return { edges: [], ends: [] };
  let block = ends.map((end, state) => (alive[state] ? Number(end) : -1));
  for (let count = 0; ;) {
    const keys = new Map<string, number>();
    const next = block.map((own, state) => {
      if (own === -1) return -1;
      const key = `${own}:${Array.from(table[state]!, (to) => (to === -1 ? -1 : block[to]!)).join()}`;
      const known = keys.get(key) ?? keys.size;
      keys.set(key, known);
      return known;
    });
    block = next;
    if (keys.size === count) break;
    count = keys.size;
  }
  return joined(table, ends, symbols, block);
}

function joined(
  table: readonly Int32Array[],
  ends: readonly boolean[],
  symbols: readonly CodePoints[],
  block: readonly number[],
): Dfa {
  const edges: Dfa["edges"] = [];
  const final: boolean[] = [];
  for (const [state, own] of block.entries()) {
    if (own === -1 || edges[own] !== undefined) continue;
    const sets = new Map<number, CodePoints[]>();
    for (const [symbol, to] of table[state]!.entries()) {
      const target = to === -1 ? -1 : block[to]!;
      if (target === -1) continue;
      const known = sets.get(target);
      if (known === undefined) sets.set(target, [symbols[symbol]!]);
      else known.push(symbols[symbol]!);
    }
    edges[own] = [...sets].map(([to, parts]) => ({ set: union(...parts), to }));
    final[own] = ends[state]!;
  }
  return { edges, ends: final };
}

function leadingToEnds(table: readonly Int32Array[], ends: readonly boolean[]): boolean[] {
  const before: number[][] = table.map(() => []);
  for (const [state, row] of table.entries()) for (const to of new Set(row)) if (to !== -1) before[to]!.push(state);
  const alive = ends.slice();
  const pending = [...ends.keys()].filter((state) => ends[state]);
  while (pending.length > 0) {
    for (const state of before[pending.pop()!]!) {
      if (alive[state]) continue;
      alive[state] = true;
      pending.push(state);
    }
  }
  return alive;
}
