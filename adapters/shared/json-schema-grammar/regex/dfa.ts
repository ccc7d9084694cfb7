// One automaton for texts that match all of some expressions and none of others: intersections are exact.
import type { Dfa } from "./automaton.ts";
import { type CodePoints, LAST_CODE_POINT } from "./code-points.ts";
import { minimized } from "./minimize.ts";
import { closure, type Nfa, nfaOf } from "./nfa.ts";
import type { Regex } from "./regex.ts";
import { type GrammarWork, spend, TooManyStates } from "./work.ts";

export interface TextLanguage {
  matches: readonly (Regex | Nfa)[];
  excludes?: readonly (Regex | Nfa)[];
}

const MOST_STATES = 4_000;
const STEPS_A_SYMBOL = 4;
const STEPS_TO_MINIMIZE = 30;

/** Automata of one expression alone, which formats and numbers without bounds have again and again. */
const known = new WeakMap<Regex | Nfa, Dfa>();

/** Throws `TooManyStates`. */
export function dfaOf(language: TextLanguage, work: GrammarWork): Dfa {
  const [only, ...others] = language.matches;
  if (only === undefined || others.length > 0 || (language.excludes ?? []).length > 0) return makeDfa(language, work);
  const dfa = known.get(only) ?? makeDfa(language, work);
  known.set(only, dfa);
  return dfa;
}

function makeDfa({ matches, excludes = [] }: TextLanguage, work: GrammarWork): Dfa {
  const nfas = [...matches, ...excludes].map((part) => ("steps" in part ? part : nfaOf(part, work)));
  const symbols = symbolsOf(nfas);
  const parts = nfas.map((nfa) => determined(nfa, symbols, work));
  const known = new Map<string, number>();
  const tuples: number[][] = [];
  const stateOf = (tuple: number[]): number => {
    const key = tuple.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    if (tuples.length >= MOST_STATES) throw new TooManyStates();
    known.set(key, tuples.length);
    return tuples.push(tuple) - 1;
  };
  stateOf(parts.map((part) => part.first));
  const table: Int32Array[] = [];
  const ends: boolean[] = [];
  for (let state = 0; state < tuples.length; state++) {
    const tuple = tuples[state]!;
    spend(work, symbols.length * tuple.length * STEPS_A_SYMBOL);
    ends.push(tuple.every((at, i) => parts[i]!.ends(at) === i < matches.length));
    const row = new Int32Array(symbols.length).fill(-1);
    for (let symbol = 0; symbol < symbols.length; symbol++) {
      const next = tuple.map((at, i) => parts[i]!.step(at, symbol));
      // A text that no longer can match is not gone on with; what is excluded matches nothing then, which is well.
      if (next.every((at, i) => at !== DEAD || i >= matches.length)) row[symbol] = stateOf(next);
    }
    table.push(row);
  }
  spend(work, table.length * symbols.length * STEPS_TO_MINIMIZE);
  return minimized(table, ends, symbols);
}

const DEAD = 0;

/** The automaton of one expression; its states are made when they are reached. */
function determined(nfa: Nfa, symbols: readonly CodePoints[], work: GrammarWork) {
  const known = new Map<string, number>([["", DEAD]]);
  const sets: number[][] = [[]];
  const rows: (Int32Array | undefined)[] = [undefined];
  const stateOf = (states: number[]): number => {
    const key = states.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    if (sets.length >= MOST_STATES) throw new TooManyStates();
    known.set(key, sets.length);
    return sets.push(states) - 1;
  };
  const taken = new Map<CodePoints, boolean[]>();
  const takes = (set: CodePoints): boolean[] => {
    const known = taken.get(set) ?? membership(set, symbols);
    taken.set(set, known);
    return known;
  };
  const takenBy = nfa.steps.map((steps) => steps.map(({ set, to }) => ({ to, takes: takes(set) })));
  const first = stateOf(closure(nfa, [0], { start: true, end: false }));
  const ended = new Map<number, boolean>();
  return {
    first,
    ends: (state: number): boolean => {
      let end = ended.get(state);
      if (end === undefined) {
        end = closure(nfa, sets[state]!, { start: state === first && sets[state]!.includes(0), end: true }).includes(nfa.accept);
        ended.set(state, end);
      }
      return end;
    },
    step: (state: number, symbol: number): number => {
      const row = (rows[state] ??= new Int32Array(symbols.length).fill(-1));
      if (row[symbol] === -1) {
        spend(work, sets[state]!.length * STEPS_A_SYMBOL);
        const reached = sets[state]!.flatMap((at) => takenBy[at]!.filter(({ takes }) => takes[symbol]).map(({ to }) => to));
        row[symbol] = reached.length === 0 ? DEAD : stateOf(closure(nfa, reached, { start: false, end: false }));
      }
      return row[symbol]!;
    },
  };
}

/** Sets of characters that no edge tells apart: each is one symbol. */
function symbolsOf(nfas: readonly Nfa[]): CodePoints[] {
  const sets = new Set<CodePoints>();
  for (const { steps } of nfas) for (const leaving of steps) for (const { set } of leaving) sets.add(set);
  const members = [...new Map(Array.from(sets, (set) => [set.join(), set])).values()];
  const borders: { at: number; set: number }[] = [];
  for (const [set, ranges] of members.entries())
    for (const [first, final] of ranges) borders.push({ at: first, set }, { at: final + 1, set });
  borders.sort((one, other) => one.at - other.at);
  const groups = new Map<string, [number, number][]>();
  const inside = new Set<number>();
  for (let i = 0; i < borders.length;) {
    const { at } = borders[i]!;
    while (borders[i]?.at === at) {
      const { set } = borders[i++]!;
      if (!inside.delete(set)) inside.add(set);
    }
    const until = (borders[i]?.at ?? LAST_CODE_POINT + 1) - 1;
    if (inside.size === 0) continue;
    const key = [...inside].sort((one, other) => one - other).join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [[at, until]]);
    else group.push([at, until]);
  }
  return [...groups.values()];
}

function membership(set: CodePoints, symbols: readonly CodePoints[]): boolean[] {
  return symbols.map(([range]) => set.some(([first, final]) => first <= range![0] && range![0] <= final));
}
