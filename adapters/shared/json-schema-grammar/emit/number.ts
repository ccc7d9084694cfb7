// Numbers in digits.
import { dfaOf } from "../regex/dfa.ts";
import { type Nfa, TooManyStates } from "../regex/nfa.ts";
import type { Regex } from "../regex/regex.ts";
import type { Sequence } from "../rules/rules.ts";
import { automatonRule, PLAIN } from "../rules/text-rules.ts";
import type { NumberAlternative } from "../schema/alternatives.ts";
import { digitsOf } from "../schema/decimal.ts";
import type { Emitter } from "./emitter.ts";
import { multiplesNfa } from "./multiples.ts";
import { anyNumberRegex, integerRegex, numberFrom, numberUpTo, plainNumberRegex } from "./number-ranges.ts";

/** As many as the largest whole number of 64 bits has: unbounded, small models go on with digits for ever. */
const MOST_DIGITS = 20;

export function numberSequence({ rules, reader }: Emitter, alternative: NumberAlternative): Sequence {
  const { integer, min, max, multiples } = alternative;
  const bounds = [min, max].filter((bound) => bound !== undefined);
  const digits = Math.max(MOST_DIGITS, ...bounds.map(({ value }) => digitsOf(value).whole.length));
  const bounded = bounds.length > 0 || multiples.length > 0;
  const base = integer ? integerRegex(digits) : bounded ? plainNumberRegex(digits) : anyNumberRegex(digits);
  const matches: (Regex | Nfa)[] = [base, ...(min ? [numberFrom(min)] : []), ...(max ? [numberUpTo(max)] : [])];
  const key = `number ${JSON.stringify([integer, min, max, multiples.map(({ of }) => of)], (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))}`;
  const rule = rules.once(key, () => {
    for (let held = multiples; ; held = held.slice(0, -1)) {
      try {
        return [[automatonRule(rules, dfaOf({ matches: [...matches, ...held.map(({ of }) => multiplesNfa(of))] }), PLAIN)]];
      } catch (error) {
        if (!(error instanceof TooManyStates) || held.length === 0) throw error;
        const { pointer, keyword } = held.at(-1)!;
        reader.report(pointer, keyword, "it takes too many states");
      }
    }
  });
  return [rule];
}
