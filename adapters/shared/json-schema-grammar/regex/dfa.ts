// One automaton for texts that match all of some expressions and none of others: intersections are exact.
import type { Dfa } from "./automaton.ts";
import { type CodePoints, LAST_CODE_POINT } from "./code-points.ts";
import { minimized } from "./minimize.ts";
import { DEAD, determined, MOST_STATES } from "./determine.ts";
import { type Nfa, nfaOf } from "./nfa.ts";
import type { Regex } from "./regex.ts";
import { type GrammarWork, spend, TooManyStates } from "./work.ts";

export interface TextLanguage {
  matches: readonly (Regex | Nfa)[];
  excludes?: readonly (Regex | Nfa)[];
}

const STEPS_A_SYMBOL = 1;
const STEPS_TO_MINIMIZE = 8;

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
  const known = new Map<number | string, number>();
  const tuples: number[][] = [];
  const stateOf = (tuple: number[]): number => {
    const key = tuple.length === 1 ? tuple[0]! : tuple.join();
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
    const rows = tuple.map((at, i) => parts[i]!.row(at));
    const row = new Int32Array(symbols.length).fill(-1);
    for (let symbol = 0; symbol < symbols.length; symbol++) {
      // A text that no longer can match is not gone on with; what is excluded matches nothing then, which is well.
      const isDead = rows.some((next, i) => i < matches.length && next[symbol] === DEAD);
      if (!isDead) row[symbol] = stateOf(rows.map((next) => next[symbol]!));
    }
    table.push(row);
  }
  spend(work, table.length * symbols.length * STEPS_TO_MINIMIZE);
  return minimized(table, ends, symbols);
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
