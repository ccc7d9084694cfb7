// Plain numbers that are multiples of another: the remainder after each digit is a state.
import type { Nfa } from "../regex/nfa.ts";
import { TooManyStates } from "../regex/work.ts";
import type { Decimal } from "../schema/decimal.ts";

const MOST_REMAINDERS = 2_000;

export function multiplesNfa({ units, scale }: Decimal): Nfa {
  if (units * BigInt(scale + 1) > MOST_REMAINDERS) throw new TooManyStates();
  const modulus = Number(units);
  const steps: Nfa["steps"] = [];
  const jumps: Nfa["jumps"] = [];
  const state = (): number => {
    steps.push([]);
    return jumps.push([]) - 1;
  };
  const [start, signed, accept] = [state(), state(), state()];
  const character = (of: string): [number, number][] => [[of.charCodeAt(0), of.charCodeAt(0)]];
  steps[start]!.push({ set: character("-"), to: signed });
  jumps[start]!.push({ to: signed });
  /** By remainder, for each number of digits behind the point. */
  const after = Array.from({ length: scale + 1 }, () => Array.from({ length: modulus }, state));
  /** All digits from here on are 0. */
  const zeros = state();
  jumps[zeros]!.push({ to: accept });
  steps[zeros]!.push({ set: character("0"), to: zeros });
  const wholes = Array.from({ length: modulus }, state);
  const digits = (from: number, remainder: number, to: number[]): void => {
    for (let digit = 0; digit < 10; digit++)
      steps[from]!.push({ set: character(String(digit)), to: to[(remainder * 10 + digit) % modulus]! });
  };
  digits(signed, 0, wholes);
  for (let remainder = 0; remainder < modulus; remainder++) {
    digits(wholes[remainder]!, remainder, wholes);
    steps[wholes[remainder]!]!.push({ set: character("."), to: after[0]![remainder]! });
    if (padded(remainder, scale, modulus) === 0) jumps[wholes[remainder]!]!.push({ to: accept });
    for (let count = 0; count <= scale; count++) {
      const at = after[count]![remainder]!;
      if (count < scale) digits(at, remainder, after[count + 1]!);
      if (padded(remainder, scale - count, modulus) === 0) jumps[at]!.push({ to: zeros });
    }
  }
  return { steps, jumps, accept };
}

/** The remainder after so many more zeros. */
function padded(remainder: number, zeros: number, modulus: number): number {
  for (let i = 0; i < zeros; i++) remainder = (remainder * 10) % modulus;
  return remainder;
}
