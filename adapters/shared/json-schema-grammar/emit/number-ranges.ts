// Numbers with bounds, by their digits: exact, as long as no exponent is written.
import { single } from "../regex/code-points.ts";
import { all, any, EMPTY, NOTHING, optional, type Regex, repeat, set, textRegex } from "../regex/regex.ts";
import type { NumberBound } from "../schema/alternatives.ts";
import { digitsOf } from "../schema/decimal.ts";

const range = (first: number, final: number): Regex => (first > final ? NOTHING : set([[0x30 + first, 0x30 + final]]));
const DIGIT = range(0, 9);
const MINUS = set(single(0x2d));
const POINT = set(single(0x2e));
/** More digits than a double keeps say nothing. */
const MOST_FRACTION_DIGITS = 16;

const whole = (digits: number): Regex => any(range(0, 0), all(range(1, 9), repeat(DIGIT, 0, digits - 1)));

/** Without "-0", which is 0 again. */
const integer = (digits: number): Regex => any(range(0, 0), all(optional(MINUS), range(1, 9), repeat(DIGIT, 0, digits - 1)));

const plainNumber = (digits: number): Regex =>
  all(optional(MINUS), whole(digits), optional(all(POINT, repeat(DIGIT, 1, MOST_FRACTION_DIGITS))));

/** With an exponent that stays within what a double can hold. */
const anyNumber = (digits: number): Regex =>
  any(
    plainNumber(digits),
    all(
      ...[optional(MINUS), DIGIT, optional(all(POINT, repeat(DIGIT, 1, MOST_FRACTION_DIGITS)))],
      ...[
        set([
          [0x45, 0x45],
          [0x65, 0x65],
        ]),
        optional(
          set([
            [0x2b, 0x2b],
            [0x2d, 0x2d],
          ]),
        ),
      ],
      any(repeat(DIGIT, 1, 2), all(range(1, 2), DIGIT, DIGIT), all(range(3, 3), range(0, 0), range(0, 7))),
    ),
  );

/** The same tree for the same number of digits, so that its automaton is made once. */
const memoized = (make: (digits: number) => Regex): ((digits: number) => Regex) => {
  const known = new Map<number, Regex>();
  return (digits) => {
    const regex = known.get(digits) ?? make(digits);
    if (digits <= 20) known.set(digits, regex);
    return regex;
  };
};

export const integerRegex = memoized(integer);
export const plainNumberRegex = memoized(plainNumber);
export const anyNumberRegex = memoized(anyNumber);

/** At least the bound, of any sign. */
export function numberFrom({ value, exclusive }: NumberBound): Regex {
  const size = digitsOf(value);
  if (value.units > 0n) return magnitudeFrom(size, exclusive);
  const zero = value.units === 0n;
  const negative = all(MINUS, magnitudeUpTo(size, exclusive));
  return any(negative, zero && exclusive ? magnitudeFrom(size, true) : ANY_MAGNITUDE);
}

/** At most the bound. */
export function numberUpTo({ value, exclusive }: NumberBound): Regex {
  const size = digitsOf(value);
  if (value.units < 0n) return all(MINUS, magnitudeFrom(size, exclusive));
  const zero = value.units === 0n;
  const positive = magnitudeUpTo(size, exclusive);
  return any(positive, all(MINUS, zero && exclusive ? magnitudeFrom(size, true) : ANY_MAGNITUDE));
}

interface Digits {
  whole: string;
  fraction: string;
}

const FRACTION = optional(all(POINT, repeat(DIGIT, 1, Infinity)));
const ANY_MAGNITUDE = all(any(range(0, 0), all(range(1, 9), repeat(DIGIT, 0, Infinity))), FRACTION);

function magnitudeFrom({ whole, fraction }: Digits, exclusive: boolean): Regex {
  const longer = all(range(1, 9), repeat(DIGIT, whole.length, Infinity), FRACTION);
  const larger = Array.from(whole, (digit, i) =>
    all(
      textRegex(whole.slice(0, i)),
      range(Number(digit) + 1, 9),
      repeat(DIGIT, whole.length - i - 1, whole.length - i - 1),
      FRACTION,
    ),
  );
  const further = Array.from(fraction, (digit, i) =>
    all(textRegex(fraction.slice(0, i)), range(Number(digit) + 1, 9), repeat(DIGIT, 0, Infinity)),
  );
  const beyond = all(textRegex(fraction), repeat(DIGIT, 0, Infinity), range(1, 9), repeat(DIGIT, 0, Infinity));
  const same = all(textRegex(whole), all(POINT, any(...further, beyond)));
  return any(longer, ...larger, same, exclusive ? NOTHING : equal({ whole, fraction }));
}

function magnitudeUpTo({ whole, fraction }: Digits, exclusive: boolean): Regex {
  const shorter =
    whole.length > 1 ? all(any(range(0, 0), all(range(1, 9), repeat(DIGIT, 0, whole.length - 2))), FRACTION) : NOTHING;
  const smaller = Array.from(whole, (digit, i) =>
    all(
      textRegex(whole.slice(0, i)),
      range(i === 0 && whole.length > 1 ? 1 : 0, Number(digit) - 1),
      ...[repeat(DIGIT, whole.length - i - 1, whole.length - i - 1), FRACTION],
    ),
  );
  const below = Array.from(fraction, (digit, i) =>
    any(
      all(POINT, textRegex(fraction.slice(0, i)), range(0, Number(digit) - 1), repeat(DIGIT, 0, Infinity)),
      i === 0 ? EMPTY : all(POINT, textRegex(fraction.slice(0, i))),
    ),
  );
  const same = all(textRegex(whole), any(...below));
  return any(shorter, ...smaller, same, exclusive ? NOTHING : equal({ whole, fraction }));
}

const equal = ({ whole, fraction }: Digits): Regex =>
  all(
    textRegex(whole),
    fraction === ""
      ? optional(all(POINT, repeat(range(0, 0), 1, Infinity)))
      : all(POINT, textRegex(fraction), repeat(range(0, 0), 0, Infinity)),
  );
