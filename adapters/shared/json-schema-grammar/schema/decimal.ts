/** A number as its decimal digits say it: `units` divided by ten to the power of `scale`, which is 0 or more. */
export interface Decimal {
  units: bigint;
  scale: number;
}

export function decimalOf(value: number): Decimal {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))!;
  const scale = fraction.length - Number(exponent);
  const units = BigInt(`${sign}${whole}${fraction}`);
  return scale < 0 ? { units: units * 10n ** BigInt(-scale), scale: 0 } : reduced({ units, scale });
}

function reduced({ units, scale }: Decimal): Decimal {
  while (scale > 0 && units % 10n === 0n) {
    units /= 10n;
    scale--;
  }
  return { units, scale };
}

/** Below 0 where the first is the smaller one. */
export function compareDecimals(one: Decimal, other: Decimal): number {
  const left = one.units * 10n ** BigInt(other.scale);
  const right = other.units * 10n ** BigInt(one.scale);
  return left < right ? -1 : Number(left > right);
}

export function isMultiple(value: Decimal, of: Decimal): boolean {
  return (value.units * 10n ** BigInt(of.scale)) % (of.units * 10n ** BigInt(value.scale)) === 0n;
}

/** Digits before and behind the point, without a sign. */
export function digitsOf({ units, scale }: Decimal): { whole: string; fraction: string } {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  return { whole: digits.slice(0, digits.length - scale), fraction: digits.slice(digits.length - scale) };
}
