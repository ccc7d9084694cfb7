// Automata that may be in several states at once, made of the trees.
import type { CodePoints } from "./code-points.ts";
import type { Regex } from "./regex.ts";
import { type GrammarWork, spend, TooManyStates } from "./work.ts";

/** State 0 is the first. Its edges by state. */
export interface Nfa {
  steps: { set: CodePoints; to: number }[][];
  jumps: { to: number; at?: "start" | "end" }[][];
  accept: number;
}

const MOST_NFA_STATES = 20_000;
const STEPS_A_STATE = 10;

export function nfaOf(regex: Regex, work: GrammarWork): Nfa {
  const steps: Nfa["steps"] = [];
  const jumps: Nfa["jumps"] = [];
  const state = (): number => {
    if (steps.length >= MOST_NFA_STATES) throw new TooManyStates();
    spend(work, STEPS_A_STATE);
    steps.push([]);
    return jumps.push([]) - 1;
  };
  /** Lays the tree from one state to the state that it answers. */
  const lay = (part: Regex, from: number): number => {
    if ("set" in part) {
      const to = state();
      steps[from]!.push({ set: part.set, to });
      return to;
    }
    if ("at" in part) {
      const to = state();
      jumps[from]!.push({ to, at: part.at });
      return to;
    }
    if ("all" in part) {
      let end = from;
      for (const next of part.all) end = lay(next, end);
      return end;
    }
    if ("any" in part) {
      const to = state();
      for (const option of part.any) {
        const begin = state();
        jumps[from]!.push({ to: begin });
        jumps[lay(option, begin)]!.push({ to });
      }
      return to;
    }
    let end = from;
    for (let count = 0; count < part.min; count++) end = lay(part.repeat, end);
    const to = state();
    if (part.max === Infinity) {
      const loop = state();
      jumps[end]!.push({ to: loop });
      jumps[loop]!.push({ to });
      const body = state();
      jumps[loop]!.push({ to: body });
      jumps[lay(part.repeat, body)]!.push({ to: loop });
      return to;
    }
    for (let count = part.min; count < part.max; count++) {
      jumps[end]!.push({ to });
      end = lay(part.repeat, end);
    }
    jumps[end]!.push({ to });
    return to;
  };
  const accept = lay(regex, state());
  return { steps, jumps, accept };
}

/** The states that are reached without a character, sorted. */
export function closure({ jumps }: Nfa, states: readonly number[], at: { start: boolean; end: boolean }): number[] {
  const reached = [...new Set(states)];
  const seen = new Set(reached);
  for (let i = 0; i < reached.length; i++) {
    for (const jump of jumps[reached[i]!]!) {
      if ((jump.at !== undefined && !at[jump.at]) || seen.has(jump.to)) continue;
      seen.add(jump.to);
      reached.push(jump.to);
    }
  }
  return reached.sort((one, other) => one - other);
}
