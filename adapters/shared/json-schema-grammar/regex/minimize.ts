// The smallest automaton that takes the same texts: repetitions of dozens of characters make long chains, which refinements round by round
// would walk once for each state.
import type { Dfa } from "./automaton.ts";
import { type CodePoints, union } from "./code-points.ts";
import { createPartition } from "./partition.ts";

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
  const states = Int32Array.from([...table.keys()].filter((state) => alive[state]));
  const blocks = createPartition(states.slice(), table.length);
  for (const state of states) if (ends[state]) blocks.mark(state);
  blocks.split();
  const { from, entering, bySymbol } = edgesOf(table, alive, symbols);
  // Edges are in sets, too: those of a set have one symbol, and lead to one block.
  const cords = createPartition(Int32Array.from(from.keys()), from.length);
  for (const edges of bySymbol) {
    for (const edge of edges) cords.mark(edge);
    cords.split();
  }
  for (let block = 1, cord = 0; cord < cords.count(); cord++) {
    for (const edge of cords.members(cord)) blocks.mark(from[edge]!);
    blocks.split();
    for (; block < blocks.count(); block++) {
      for (const state of blocks.members(block)) for (const edge of entering[state]!) cords.mark(edge);
      cords.split();
    }
  }
  return Int32Array.from(table, (_, state) => (alive[state] ? blocks.setOf(state) : -1));
}

/** Edges have numbers: where each comes from, those that lead to a state, and those of a symbol. */
function edgesOf(table: readonly Int32Array[], alive: readonly boolean[], symbols: number) {
  const from: number[] = [];
  const entering = table.map((): number[] => []);
  const bySymbol = Array.from({ length: symbols }, (): number[] => []);
  for (const [state, row] of table.entries()) {
    if (!alive[state]) continue;
    for (let symbol = 0; symbol < symbols; symbol++) {
      const to = row[symbol]!;
      if (to === -1 || !alive[to]) continue;
      entering[to]!.push(from.length);
      bySymbol[symbol]!.push(from.length);
      from.push(state);
    }
  }
  return { from, entering, bySymbol };
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
  /** The same object for the same symbols: it is written once. */
  const sets = new Map<string, CodePoints>();
  const setOf = (some: readonly number[]): CodePoints => {
    const key = some.join();
    const set = sets.get(key) ?? union(...some.map((symbol) => symbols[symbol]!));
    sets.set(key, set);
    return set;
  };
  for (const [state, block] of blockOf.entries()) {
    if (block === -1) continue;
    const own = numbers.get(block) ?? numbers.size;
    numbers.set(block, own);
    if (edges[own] !== undefined) continue;
    edges[own] = [];
    final[own] = ends[state]!;
    const taken = new Map<number, number[]>();
    for (const [symbol, to] of table[state]!.entries()) {
      const target = to === -1 ? -1 : blockOf[to]!;
      if (target === -1) continue;
      const known = taken.get(target);
      if (known === undefined) taken.set(target, [symbol]);
      else known.push(symbol);
    }
    for (const [target, some] of taken) {
      const to = numbers.get(target) ?? numbers.size;
      numbers.set(target, to);
      edges[own].push({ set: setOf(some), to });
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
