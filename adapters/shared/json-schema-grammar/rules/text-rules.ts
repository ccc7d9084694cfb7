// Automata and lists of texts as rules.
import type { Dfa } from "../regex/automaton.ts";
import type { CodePoints } from "../regex/code-points.ts";
import { characterClass } from "./class.ts";
import { literal, type Part, type Rules, type Sequence } from "./rules.ts";

/** How characters of a text are written. */
export interface Spelling {
  /** Alternatives for the characters of a set: at least one each, none in two ways. */
  of(set: CodePoints): Part[];
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
function named(rules: Rules, part: Part): Part {
  return typeof part === "string" && part.length > LONGEST_INLINE_CLASS ? rules.add([[part]]) : part;
}

/** The rule of one of some texts, as a tree of their beginnings: llama.cpp follows all alternatives of a flat list at each token. */
export function choiceRule(rules: Rules, texts: readonly string[], end: Sequence): number {
  const sorted = [...new Set(texts)].sort(byCodePoint).map((text) => Array.from(text));
  const branch = (from: number, to: number, depth: number): number => {
    const alternatives: Sequence[] = [];
    for (let i = from; i < to;) {
      const first = sorted[i]![depth];
      if (first === undefined) {
        alternatives.push(end);
        i++;
        continue;
      }
      let until = i + 1;
      while (until < to && sorted[until]![depth] === first) until++;
      let shared = depth + 1;
      const [one, other] = [sorted[i]!, sorted[until - 1]!];
      while (shared < one.length && one[shared] === other[shared]) shared++;
      const beginning = literal(one.slice(depth, shared).join(""));
      const ends = until === i + 1 && shared === one.length;
      alternatives.push(ends ? [beginning, ...end] : [beginning, branch(i, until, shared)]);
      i = until;
    }
    return rules.add(alternatives);
  };
  return branch(0, sorted.length, 0);
}

const byCodePoint = (one: string, other: string): number => {
  const [left, right] = [Array.from(one), Array.from(other)];
  for (let i = 0; i < left.length && i < right.length; i++)
    if (left[i] !== right[i]) return left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
  return left.length - right.length;
};
