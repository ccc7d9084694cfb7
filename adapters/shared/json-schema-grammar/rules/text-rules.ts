// Automata and lists of texts as rules.
import type { Dfa } from "../regex/automaton.ts";
import type { CodePoints } from "../regex/code-points.ts";
import { characterClass } from "./class.ts";
import { literal, type GrammarPart, type Rules, type Sequence } from "./rules.ts";

/** How characters of a text are written. */
export interface Spelling {
  /** Alternatives for the characters of a set: at least one each, none in two ways. */
  of(set: CodePoints): GrammarPart[];
  /** What stands behind the text: it ends its rules, so that none of them may be empty. */
  end: Sequence;
}

/** Written as they are. */
export const PLAIN: Spelling = { of: (set) => [characterClass(set)], end: [] };

const LONGEST_INLINE_CLASS = 40;

/** The rule of the texts that an automaton takes, with the spelling's end behind them. */
export function automatonRule(rules: Rules, { edges, ends }: Dfa, spelling: Spelling): number {
  const states = edges.map(() => rules.reserve());
  if (states.length === 0) return rules.add([]);
  for (const [state, leaving] of edges.entries()) {
    const alternatives: Sequence[] = leaving.flatMap(({ set, to }) =>
      spelling.of(set).map((part) => [named(rules, part), states[to]!]),
    );
    if (ends[state]) alternatives.push(spelling.end);
    rules.define(states[state]!, alternatives);
  }
  return states[0]!;
}

/** A long class stands once. */
function named(rules: Rules, part: GrammarPart): GrammarPart {
  return typeof part === "string" && part.length > LONGEST_INLINE_CLASS ? rules.add([[part]]) : part;
}

/** The rule of one of some texts, as a tree of their beginnings: llama.cpp follows all alternatives of a flat list at each token. */
export function choiceRule(rules: Rules, texts: readonly string[], end: Sequence): number {
  // A pair of surrogates is one character, and is not cut in two.
  const isPaired = texts.some((text) => /[\ud800-\udfff]/.test(text));
  const sorted: (string | string[])[] = [...new Set(texts)].sort().map((text) => (isPaired ? Array.from(text) : text));
  const branch = (from: number, to: number, depth: number): number => {
    const alternatives: Sequence[] = [];
    for (let i = from; i < to;) {
      const one = sorted[i]!;
      const first = one[depth];
      let until = i + 1;
      if (first === undefined) alternatives.push(end);
      else {
        while (until < to && sorted[until]![depth] === first) until++;
        const other = sorted[until - 1]!;
        let shared = depth + 1;
        while (shared < one.length && one[shared] === other[shared]) shared++;
        const beginning = literal(typeof one === "string" ? one.slice(depth, shared) : one.slice(depth, shared).join(""));
        const ends = until === i + 1 && shared === one.length;
        alternatives.push(ends ? [beginning, ...end] : [beginning, branch(i, until, shared)]);
      }
      i = until;
    }
    return rules.add(alternatives);
  };
  return branch(0, sorted.length, 0);
}
