// Whole numbers between bounds, digit by digit.
import { literal, type Rules, type Sequence } from "../rules/rules.ts";
import type { NumberBound } from "../schema/alternatives.ts";

/** The rule of the whole numbers from one bound to the other; without a bound, of so many digits. */
export function integerRule(rules: Rules, min: NumberBound | undefined, max: NumberBound | undefined, digits: number): number {
  const limit = 10n ** BigInt(digits) - 1n;
  const low = min === undefined ? -limit : smallest(min);
  const high = max === undefined ? limit : -smallest({ ...max, value: { ...max.value, units: -max.value.units } });
  const alternatives: Sequence[] = [];
  if (high >= 0n && low <= high) alternatives.push([magnitudeRule(rules, low > 0n ? low : 0n, high)]);
  // Without "-0", which is 0 again.
  if (low < 0n && low <= high) alternatives.push([literal("-"), magnitudeRule(rules, high < 0n ? -high : 1n, -low)]);
  return rules.add(alternatives);
}

/** The smallest whole number that the lower bound permits. */
function smallest({ value: { units, scale }, exclusive }: NumberBound): bigint {
  const power = 10n ** BigInt(scale);
  const floor = units / power - (units % power < 0n ? 1n : 0n);
  const isWhole = units % power === 0n;
  return isWhole && !exclusive ? floor : floor + 1n;
}

/** How the digits so far compare with as many of a bound. */
type Compared = -1 | 0 | 1;

function magnitudeRule(rules: Rules, low: bigint, high: bigint): number {
  const [least, most] = [String(low), String(high)];
  const known = new Map<string, number | undefined>();
  /** Rules are made from the last digit on, so that equal ones are found; undefined where no number begins so. */
  const behind = (count: number, toLeast: Compared, toMost: Compared): number | undefined => {
    // Longer than the least is more than the least, whatever its digits are.
    const compared = count > least.length ? 1 : toLeast;
    const key = `${count} ${compared} ${toMost}`;
    if (known.has(key)) return known.get(key);
    const alternatives = digitAlternatives((digit) =>
      count + 1 > most.length
        ? undefined
        : behind(count + 1, compare(compared, digit, least[count]), compare(toMost, digit, most[count])),
    );
    const isLong = count > least.length || (count === least.length && compared >= 0);
    const isShort = count < most.length || (count === most.length && toMost <= 0);
    if (isLong && isShort) alternatives.push([]);
    const rule = alternatives.length === 0 ? undefined : rules.add(alternatives);
    known.set(key, rule);
    return rule;
  };
  const first = digitAlternatives((digit) =>
    digit === 0 ? undefined : behind(1, compare(0, digit, least[0]), compare(0, digit, most[0])),
  );
  return rules.add(low === 0n ? [[literal("0")], ...first] : first);
}

function compare(before: Compared, digit: number, other: string | undefined): Compared {
  if (before !== 0 || other === undefined) return before;
  return Math.sign(digit - Number(other)) as Compared;
}

/** One alternative for all neighbouring digits with the same rule behind them. */
function digitAlternatives(behind: (digit: number) => number | undefined): Sequence[] {
  const found: { first: number; final: number; rule: number }[] = [];
  for (let digit = 0; digit < 10; digit++) {
    const rule = behind(digit);
    if (rule === undefined) continue;
    const last = found.at(-1);
    if (last?.rule === rule && last.final === digit - 1) last.final = digit;
    else found.push({ first: digit, final: digit, rule });
  }
  return found.map(({ first, final, rule }) => [first === final ? `[${first}]` : `[${first}-${final}]`, rule]);
}
