// Automata that may be in several states at once, made of the trees.
import type { Dfa } from "./automaton.ts";
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
    if ("dfa" in part) return layAutomaton(part.dfa, from);
    if ("ahead" in part) throw new Error("What looks ahead has been resolved");
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
  const layAutomaton = ({ edges, ends }: Dfa, from: number): number => {
    const to = state();
    const laid = edges.map(state);
    if (laid.length > 0) jumps[from]!.push({ to: laid[0]! });
    for (const [at, leaving] of edges.entries()) {
      for (const edge of leaving) steps[laid[at]!]!.push({ set: edge.set, to: laid[edge.to]! });
      if (ends[at]) jumps[laid[at]!]!.push({ to });
    }
    return to;
  };
  const accept = lay(regex, state());
  return { steps, jumps, accept };
}

/** Finds the states that are reached without a character: sorted, and without those that have nothing but jumps. */
export function closure({ steps, jumps, accept }: Nfa) {
  /** By state: the search that has seen it last. */
  const seen = new Int32Array(steps.length);
  let search = 0;
  const matters = (state: number): boolean =>
    state === 0 || state === accept || steps[state]!.length > 0 || jumps[state]!.some(({ at }) => at === "end");
  return (states: readonly number[], at: { start: boolean; end: boolean }): number[] => {
    search++;
    const reached: number[] = [];
    const reach = (state: number): void => {
      if (seen[state] === search) return;
      seen[state] = search;
      reached.push(state);
    };
    for (const state of states) reach(state);
    for (let i = 0; i < reached.length; i++)
      for (const jump of jumps[reached[i]!]!) if (jump.at === undefined || at[jump.at]) reach(jump.to);
    return reached.filter(matters).sort((one, other) => one - other);
  };
}
