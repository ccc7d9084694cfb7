// What looks ahead says something of the rest of a text: both become one automaton.
import { dfaOf } from "./dfa.ts";
import { all, any, ANY_TEXT, EMPTY, type Regex, repeat, UnsupportedRegex } from "./regex.ts";
import type { GrammarWork } from "./work.ts";

interface LookAheadPlace {
  /** Nothing of the text is before it. */
  isAtStart: boolean;
  work: GrammarWork;
}

/** The expression with the rest of the text behind it, and nothing in it that looks ahead. Throws `UnsupportedRegex` and `TooManyStates`. */
export function withRest(regex: Regex, rest: Regex, place: LookAheadPlace): Regex {
  if (!has(regex, looksAhead)) return all(regex, rest);
  if ("ahead" in regex) return bound(regex, rest, place);
  if ("any" in regex) return any(...regex.any.map((option) => withRest(option, rest, place)));
  if ("repeat" in regex) return unrolled(regex, rest, place);
  const [first, ...others] = "all" in regex ? regex.all : [];
  if (first === undefined) return rest;
  const behind = { ...place, isAtStart: isStart(first) || (place.isAtStart && looksAhead(first)) };
  return withRest(first, withRest(all(...others), rest, behind), place);
}

function bound({ ahead, negated }: Extract<Regex, { ahead: unknown }>, rest: Regex, place: LookAheadPlace): Regex {
  const seen = withRest(ahead, ANY_TEXT, place);
  // The automaton takes its own beginning for that of the text.
  if (!place.isAtStart && (has(seen, isStart) || has(rest, isStart)))
    throw new UnsupportedRegex("a grammar has no ^ beside what looks ahead (?=, (?! amid a text");
  return { dfa: dfaOf(negated ? { matches: [rest], excludes: [seen] } : { matches: [rest, seen] }, place.work) };
}

function unrolled({ repeat: part, min, max }: Extract<Regex, { repeat: unknown }>, rest: Regex, place: LookAheadPlace): Regex {
  if (max === Infinity)
    throw new UnsupportedRegex("a grammar has nothing that looks ahead (?=, (?! within a repetition without an end");
  if (max === 0) return rest;
  const further = max === 1 ? EMPTY : repeat(part, Math.max(min - 1, 0), max - 1);
  const once = withRest(all(part, further), rest, place);
  return min === 0 ? any(rest, once) : once;
}

const looksAhead = (part: Regex): boolean => "ahead" in part;
const isStart = (part: Regex): boolean => "at" in part && part.at === "start";

/** Whether a part of it is so. What an automaton was made of is not looked into: its beginning is found. */
function has(regex: Regex, isSo: (part: Regex) => boolean): boolean {
  if (isSo(regex)) return true;
  if ("all" in regex) return regex.all.some((part) => has(part, isSo));
  if ("any" in regex) return regex.any.some((part) => has(part, isSo));
  return "repeat" in regex && has(regex.repeat, isSo);
}
