import type { Rules } from "./rules.ts";

/** Which rules a finite text fits: 1 by the number of each. */
export function productiveRules(bodies: Rules["bodies"]): Uint8Array {
  const productive = new Uint8Array(bodies.length);
  /** Alternatives that wait for a rule; those that wait for nothing make their own rule productive. */
  const waiting: ({ rule: number; missing: number }[] | undefined)[] = [];
  const pending: number[] = [];
  for (const [rule, alternatives] of bodies.entries()) {
    for (const sequence of alternatives) {
      const wait = { rule, missing: 0 };
      for (const part of sequence) {
        if (typeof part === "string") continue;
        wait.missing++;
        const known = waiting[part];
        if (known === undefined) waiting[part] = [wait];
        else known.push(wait);
      }
      if (wait.missing === 0 && productive[rule] === 0) {
        productive[rule] = 1;
        pending.push(rule);
      }
    }
  }
  while (pending.length > 0) {
    for (const wait of waiting[pending.pop()!] ?? []) {
      if (--wait.missing > 0 || productive[wait.rule] === 1) continue;
      productive[wait.rule] = 1;
      pending.push(wait.rule);
    }
  }
  return productive;
}
