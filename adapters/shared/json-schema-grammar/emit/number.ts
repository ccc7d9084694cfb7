// Numbers in digits.
import { dfaOf } from "../regex/dfa.ts";
import { TooManyStates } from "../regex/work.ts";
import type { Regex } from "../regex/regex.ts";
import type { Sequence } from "../rules/rules.ts";
import { automatonRule, PLAIN } from "../rules/text-rules.ts";
import type { KeywordPlace, NumberAlternative, NumberBound } from "../schema/alternatives.ts";
import { type Decimal, digitsOf } from "../schema/decimal.ts";
import type { Emitter } from "./emitter.ts";
import { integerRule } from "./integer.ts";
import { multiplesNfa } from "./multiples.ts";
import { anyNumberRegex, integerRegex, numberFrom, numberUpTo, plainNumberRegex } from "./number-ranges.ts";

/** As many as the largest whole number of 64 bits has: unbounded, small models go on with digits for ever. */
const MOST_DIGITS = 20;

export function numberSequence(emitter: Emitter, alternative: NumberAlternative): Sequence {
  const { integer, min, max, multiples } = alternative;
  const bounds = [min, max].filter((bound) => bound !== undefined);
  const digits = Math.max(MOST_DIGITS, ...bounds.map(({ value }) => digitsOf(value).whole.length));
  const key = keyOf(alternative);
  if (integer && multiples.length === 0) return [emitter.rules.once(key, () => [[integerRule(emitter.rules, min, max, digits)]])];
  const bounded = bounds.length > 0 || multiples.length > 0;
  const base = integer ? integerRegex(digits) : bounded ? plainNumberRegex(digits) : anyNumberRegex(digits);
  const matches = [base, ...(min ? [numberFrom(min)] : []), ...(max ? [numberUpTo(max)] : [])];
  return [emitter.rules.once(key, () => [languageSequence(emitter, alternative, matches)])];
}

function keyOf({ integer, min, max, multiples }: NumberAlternative): string {
  const bound = ({ value, exclusive }: NumberBound): string => `${decimal(value)}${exclusive ? "!" : ""}`;
  const decimal = ({ units, scale }: Decimal): string => `${units}/${scale}`;
  const bounds = `${min ? bound(min) : ""}..${max ? bound(max) : ""}`;
  return `${integer ? "integer" : "number"} ${bounds} ${multiples.map(({ of }) => decimal(of)).join()}`;
}

/** What takes too many states is passed over: first the multiples, from the last one on, then the bounds. */
function languageSequence(emitter: Emitter, alternative: NumberAlternative, matches: Regex[]): Sequence {
  const { rules, reader } = emitter;
  try {
    const multiples = alternative.multiples.map(({ of }) => multiplesNfa(of));
    return [automatonRule(rules, dfaOf({ matches: [...matches, ...multiples] }, reader.work), PLAIN)];
  } catch (error) {
    const given = error instanceof TooManyStates ? lastBinding(alternative) : undefined;
    if (given === undefined) throw error;
    reader.report(given.place.pointer, given.place.keyword, "it takes too many states");
    return numberSequence(emitter, given.without);
  }
}

/** What binds the number and is given up next, and the number without it. */
function lastBinding(number: NumberAlternative): { place: KeywordPlace; without: NumberAlternative } | undefined {
  const { max, min, multiples, ...rest } = number;
  const last = multiples.at(-1);
  if (last !== undefined) return { place: last, without: { ...number, multiples: multiples.slice(0, -1) } };
  if (max !== undefined) return { place: max.place, without: { ...rest, ...(min && { min }), multiples } };
  return min && { place: min.place, without: { ...rest, multiples } };
}
