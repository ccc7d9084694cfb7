// What regular expressions become before they become rules.
import type { CodePoints } from "./code-points.ts";

/** State 0 is the first; every state leads to an end. No states: no text at all. */
export interface Dfa {
  /** Edges of each state: sets of different edges have no character in common. */
  edges: { set: CodePoints; to: number }[][];
  ends: boolean[];
}
