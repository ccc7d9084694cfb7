import type { Dfa } from "./automaton.ts";

/** Whether the automaton takes the whole text. */
export function takes({ edges, ends }: Dfa, text: string): boolean {
  let state: number | undefined = 0;
  for (const character of text) {
    const codePoint = character.codePointAt(0)!;
    state = edges[state]?.find(({ set }) => set.some(([first, final]) => first <= codePoint && codePoint <= final))?.to;
    if (state === undefined) return false;
  }
  return ends[state] ?? false;
}
