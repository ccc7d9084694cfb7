// How long the texts of an automaton may be.
import type { Dfa } from "./automaton.ts";

/** In characters: Infinity where a text may go on without an end, and 0 where there is none. */
export function longestText({ edges }: Dfa): number {
  const known: (number | undefined)[] = [];
  const isOpen: boolean[] = [];
  const from = (state: number): number => {
    if (known[state] !== undefined) return known[state];
    if (isOpen[state]) return Infinity;
    isOpen[state] = true;
    // Every state leads to an end.
    const found = Math.max(0, ...edges[state]!.map(({ to }) => 1 + from(to)));
    known[state] = found;
    return found;
  };
  return edges.length === 0 ? 0 : from(0);
}
