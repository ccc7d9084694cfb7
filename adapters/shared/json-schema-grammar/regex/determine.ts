// The automaton of one expression that is in one state at a time; its states are made when they are reached.
import type { CodePoints } from "./code-points.ts";
import { closure, type Nfa } from "./nfa.ts";
import { type GrammarWork, spend, TooManyStates } from "./work.ts";

export interface Determined {
  first: number;
  /** The next states by symbol, `DEAD` among them. */
  row(state: number): Int32Array;
  ends(state: number): boolean;
}

/** No text leads from it to an end. */
export const DEAD = 0;

export const MOST_STATES = 4_000;
const STEPS_A_TARGET = 4;

/** Throws `TooManyStates`. */
export function determined(nfa: Nfa, symbols: readonly CodePoints[], work: GrammarWork): Determined {
  const sets: number[][] = [[]];
  const rows: (Int32Array | undefined)[] = [new Int32Array(symbols.length)];
  const ends: (boolean | undefined)[] = [false];
  const byStates = new Map<string, number>([["", DEAD]]);
  /** States by those that a character leads to, before what these lead to: many symbols have the same. */
  const byTargets = new Map<string, number>();
  const stateOf = (states: number[]): number => {
    const key = states.join();
    const known = byStates.get(key);
    if (known !== undefined) return known;
    if (sets.length >= MOST_STATES) throw new TooManyStates();
    byStates.set(key, sets.length);
    return sets.push(states) - 1;
  };
  const close = closure(nfa);
  const symbolsIn = memberships(symbols);
  const steps = nfa.steps.map((leaving) => leaving.map(({ set, to }) => ({ to, symbols: symbolsIn(set) })));
  const stateBehind = (targets: readonly number[] | undefined): number => {
    if (targets === undefined) return DEAD;
    const key = targets.join();
    const known = byTargets.get(key) ?? stateOf(close(targets, { start: false, end: false }));
    byTargets.set(key, known);
    return known;
  };
  const rowOf = (state: number): Int32Array => {
    const targets: (number[] | undefined)[] = Array(symbols.length).fill(undefined);
    let count = 0;
    for (const at of sets[state]!) {
      for (const { to, symbols: taken } of steps[at]!) {
        count += taken.length;
        for (const symbol of taken) {
          const known = targets[symbol];
          if (known === undefined) targets[symbol] = [to];
          else known.push(to);
        }
      }
    }
    spend(work, count * STEPS_A_TARGET);
    return Int32Array.from(targets, stateBehind);
  };
  const first = stateOf(close([0], { start: true, end: false }));
  return {
    first,
    row: (state) => (rows[state] ??= rowOf(state)),
    ends: (state) =>
      (ends[state] ??= close(sets[state]!, { start: state === first && sets[state]!.includes(0), end: true }).includes(
        nfa.accept,
      )),
  };
}

/** The symbols that a set is made of. */
function memberships(symbols: readonly CodePoints[]): (set: CodePoints) => number[] {
  const known = new Map<CodePoints, number[]>();
  return (set) => {
    const found = known.get(set) ?? [...symbols.keys()].filter((symbol) => includes(set, symbols[symbol]![0]![0]));
    known.set(set, found);
    return found;
  };
}

const includes = (set: CodePoints, codePoint: number): boolean =>
  set.some(([first, final]) => first <= codePoint && codePoint <= final);
