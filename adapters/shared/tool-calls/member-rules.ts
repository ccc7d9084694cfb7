// Members of an object one after the other, those that are not required perhaps.
import { choice, sequence, textPart } from "./rule-parts.ts";
import type { RuleList } from "./rule-list.ts";

export interface Members {
  /** In front of the first, between two, and behind the last. */
  begin: string;
  between: string;
  end: string;
  /** What stands for an object without members. */
  none: string;
  /** The rules of members, in their order. */
  members: readonly { rule: string; required: boolean }[];
  /** The rule of a member that may come behind these, and again. */
  further?: string | undefined;
}

/** The rule of the object. */
export function memberRules(rules: RuleList, { begin, between, end, none, members, further }: Members): string {
  const [begin_part, between_part] = [textPart(begin), textPart(between)];
  // `behind`: what may follow a member; `first`: what may come where there is none yet. Both from the last member to the first.
  let behind = rules.name();
  const more = further === undefined ? [] : [sequence(between_part, further, behind)];
  rules.define(behind, choice([...more, textPart(end) || '""']));
  // Where nothing tells the first member from the others, the rules are the same.
  const alike = begin === "" && between === "" && end === none;
  const only = further === undefined ? [] : [sequence(begin_part, further, behind)];
  let first = alike ? behind : rules.add(choice([...only, textPart(none) || '""']));
  for (const { rule, required } of members.toReversed()) {
    const after = behind;
    const skip = (other: string): string[] => (required ? [] : [other]);
    behind = rules.add(choice([sequence(between_part, rule, after), ...skip(after)]));
    first = alike ? behind : rules.add(choice([sequence(begin_part, rule, after), ...skip(first)]));
  }
  return first;
}
