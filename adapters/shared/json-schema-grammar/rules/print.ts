// Rules as the text of a grammar.
import type { Part, Rules, Sequence } from "./rules.ts";

export interface PrintedRules {
  rules: string;
  root: string;
  count: number;
}

/** The rules that the root needs, without those that no finite text fits; undefined where the root is such a one. */
export function printRules({ bodies }: Rules, root: number, prefix: string): PrintedRules | undefined {
  const productive = productiveRules(bodies);
  if (!productive[root]) return undefined;
  const fits = (sequence: Sequence): boolean => sequence.every((part) => typeof part === "string" || productive[part]);
  const names = new Map<number, string>([[root, `${prefix}-0`]]);
  const pending = [root];
  const name = (rule: number): string => {
    const known = names.get(rule);
    if (known !== undefined) return known;
    const made = `${prefix}-${names.size.toString(36)}`;
    names.set(rule, made);
    pending.push(rule);
    return made;
  };
  const lines: string[] = [];
  const text = (part: Part): string => (typeof part === "string" ? part : name(part));
  for (let i = 0; i < pending.length; i++) {
    const rule = pending[i]!;
    const alternatives = bodies[rule]!.filter(fits).map((sequence) =>
      sequence.length === 0 ? '""' : sequence.map(text).join(" "),
    );
    lines.push(`${names.get(rule)} ::= ${alternatives.join(" | ")}`);
  }
  return { rules: lines.join("\n"), root: names.get(root)!, count: lines.length };
}

function productiveRules(bodies: Rules["bodies"]): boolean[] {
  const productive = bodies.map(() => false);
  /** Parts of each alternative that are not known to be productive, by the rules that wait for them. */
  const waiting: { rule: number; missing: number }[][] = bodies.map(() => []);
  const pending: number[] = [];
  const found = (rule: number): void => {
    if (productive[rule]) return;
    productive[rule] = true;
    pending.push(rule);
  };
  for (const [rule, alternatives] of bodies.entries()) {
    for (const sequence of alternatives) {
      const needed = sequence.filter((part) => typeof part === "number");
      const wait = { rule, missing: needed.length };
      for (const part of needed) waiting[part]!.push(wait);
      if (needed.length === 0) found(rule);
    }
  }
  while (pending.length > 0) for (const wait of waiting[pending.pop()!]!) if (--wait.missing === 0) found(wait.rule);
  return productive;
}
