// Numbers in digits.
import { dfaOf } from "../regex/dfa.ts";
import { TooManyStates } from "../regex/work.ts";
import type { Regex } from "../regex/regex.ts";
import type { Sequence } from "../rules/rules.ts";
import { automatonRule, PLAIN } from "../rules/text-rules.ts";
import type { NumberAlternative, NumberBound } from "../schema/alternatives.ts";
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
  return [
    emitter.rules.once(key, () => [
      [languageRule(emitter, [base, ...(min ? [numberFrom(min)] : []), ...(max ? [numberUpTo(max)] : [])], multiples)],
    ]),
  ];
}

function keyOf({ integer, min, max, multiples }: NumberAlternative): string {
  const bound = ({ value, exclusive }: NumberBound): string => `${decimal(value)}${exclusive ? "!" : ""}`;
  const decimal = ({ units, scale }: Decimal): string => `${units}/${scale}`;
  const bounds = `${min ? bound(min) : ""}..${max ? bound(max) : ""}`;
  return `${integer ? "integer" : "number"} ${bounds} ${multiples.map(({ of }) => decimal(of)).join()}`;
}

function languageRule({ rules, reader }: Emitter, matches: Regex[], multiples: NumberAlternative["multiples"]): number {
  for (let held = multiples; ; held = held.slice(0, -1)) {
    try {
      return automatonRule(
        rules,
        dfaOf({ matches: [...matches, ...held.map(({ of }) => multiplesNfa(of))] }, reader.work),
        PLAIN,
      );
    } catch (error) {
      if (!(error instanceof TooManyStates) || held.length === 0) throw error;
      const { pointer, keyword } = held.at(-1)!;
      reader.report(pointer, keyword, "it takes too many states");
    }
  }
}
