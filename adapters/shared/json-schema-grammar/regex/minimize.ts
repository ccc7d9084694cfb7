// The smallest automaton that takes the same texts, by Hopcroft's algorithm: repetitions of dozens of characters make long chains, which
// refinements round by round would walk once for each state.
import type { Dfa } from "./automaton.ts";
import { type CodePoints, union } from "./code-points.ts";

/** `table`: for each state the next one by symbol, or -1. States that lead to no end go, equal ones become one. */
export function minimized(table: readonly Int32Array[], ends: readonly boolean[], symbols: readonly CodePoints[]): Dfa {
  const alive = leadingToEnds(table, ends);
  if (!alive[0]) return { edges: [], ends: [] };
  return joined(table, ends, symbols, blocksOf(table, ends, alive, symbols.length));
}

/** The block of each state, and -1 for those that are gone. */
function blocksOf(
  table: readonly Int32Array[],
  ends: readonly boolean[],
  alive: readonly boolean[],
  symbols: number,
): Int32Array {
  const count = table.length;
  const members: number[][] = [];
  const blockOf = new Int32Array(count).fill(-1);
  for (const end of [true, false]) {
    const block = [...ends.keys()].filter((state) => alive[state] && ends[state] === end);
    if (block.length === 0) continue;
    for (const state of block) blockOf[state] = members.length;
    members.push(block);
  }
  const before = statesBefore(table, alive, symbols);
  const pending = members.map((_, block) => block);
  const waits = new Set(pending);
  while (pending.length > 0) {
    const splitter = pending.pop()!;
    waits.delete(splitter);
    const states = members[splitter]!.slice();
    for (const reaching of before) {
      const touched = new Map<number, number[]>();
      for (const state of states) {
        for (const by of reaching.get(state) ?? []) {
          const block = blockOf[by]!;
          const found = touched.get(block);
          if (found === undefined) touched.set(block, [by]);
          else found.push(by);
        }
      }
      for (const [block, leaving] of touched) {
        const all = members[block]!;
        if (leaving.length === all.length) continue;
        const made = members.length;
        for (const state of leaving) blockOf[state] = made;
        members.push(leaving);
        members[block] = all.filter((state) => blockOf[state] === block);
        const next = waits.has(block) || leaving.length <= members[block].length ? made : block;
        waits.add(next);
        pending.push(next);
      }
    }
  }
  return blockOf;
}

/** By symbol: the states from which a state is reached. */
function statesBefore(table: readonly Int32Array[], alive: readonly boolean[], symbols: number): Map<number, number[]>[] {
  const before: Map<number, number[]>[] = Array.from({ length: symbols }, () => new Map());
  for (const [state, row] of table.entries()) {
    if (!alive[state]) continue;
    for (let symbol = 0; symbol < symbols; symbol++) {
      const to = row[symbol]!;
      if (to === -1 || !alive[to]) continue;
      const known = before[symbol]!.get(to);
      if (known === undefined) before[symbol]!.set(to, [state]);
      else known.push(state);
    }
  }
  return before;
}

function joined(
  table: readonly Int32Array[],
  ends: readonly boolean[],
  symbols: readonly CodePoints[],
  blockOf: Int32Array,
): Dfa {
  /** The first state is of the first block. */
  const numbers = new Map<number, number>([[blockOf[0]!, 0]]);
  const edges: Dfa["edges"] = [];
  const final: boolean[] = [];
  for (const [state, block] of blockOf.entries()) {
    if (block === -1) continue;
    const own = numbers.get(block) ?? numbers.size;
    numbers.set(block, own);
    if (edges[own] !== undefined) continue;
    edges[own] = [];
    final[own] = ends[state]!;
    const sets = new Map<number, CodePoints[]>();
    for (const [symbol, to] of table[state]!.entries()) {
      const target = to === -1 ? -1 : blockOf[to]!;
      if (target === -1) continue;
      const known = sets.get(target);
      if (known === undefined) sets.set(target, [symbols[symbol]!]);
      else known.push(symbols[symbol]!);
    }
    for (const [target, parts] of sets) {
      const to = numbers.get(target) ?? numbers.size;
      numbers.set(target, to);
      edges[own].push({ set: parts.length === 1 ? parts[0]! : union(...parts), to });
    }
  }
  return { edges, ends: final };
}

function leadingToEnds(table: readonly Int32Array[], ends: readonly boolean[]): boolean[] {
  const before: number[][] = table.map(() => []);
  for (const [state, row] of table.entries())
    for (const to of row) if (to !== -1 && before[to]!.at(-1) !== state) before[to]!.push(state);
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
