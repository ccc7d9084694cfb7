// Rules of a grammar as they are made.

export interface RuleList {
  readonly lines: string[];
  /** A name that no other rule has. */
  name(): string;
  /** The name of a new rule. */
  add(body: string): string;
  define(name: string, body: string): string;
  /** The root of rules that were made elsewhere, whose names begin with a `name()` of this list. */
  include(made: { rules: string; root: string }): string;
}

export function createRuleList(prefix: string): RuleList {
  const lines: string[] = [];
  let count = 0;
  const name = (): string => `${prefix}-${(count++).toString(36)}`;
  const define = (rule: string, body: string): string => {
    lines.push(`${rule} ::= ${body}`);
    return rule;
  };
  return {
    ...{ lines, name, define },
    add: (body) => define(name(), body),
    include({ rules, root }) {
      lines.push(...rules.split("\n"));
      return root;
    },
  };
}
