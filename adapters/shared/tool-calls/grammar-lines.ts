// Lines of GBNF, and what is the same in several of them.
import { literal } from "../json-schema-grammar/rules/rules.ts";

/** A text as a part of a rule; empty where it is. */
export const textPart = (text: string): string => (text === "" ? "" : literal(text));

/** Parts one after the other. */
export const sequence = (...parts: string[]): string => parts.filter((part) => part !== "").join(" ") || '""';

export const choice = (alternatives: readonly string[]): string => [...new Set(alternatives)].join(" | ");

/** Names of rules, texts in quotes and classes of characters. */
const TOKENS = /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[A-Za-z][A-Za-z0-9-]*/g;

/** The same rules, those with the same body but once. `roots` keep their names. */
export function withoutDoubles(lines: readonly string[], roots: ReadonlySet<string>): string[] {
  let rules = lines.map((line) => {
    const at = line.indexOf(" ::= ");
    return { name: line.slice(0, at), body: line.slice(at + 5) };
  });
  for (;;) {
    const known = new Map<string, string>();
    const renamed = new Map<string, string>();
    for (const { name, body } of rules) {
      const same = known.get(body);
      if (same === undefined) known.set(body, name);
      else if (!roots.has(name)) renamed.set(name, same);
    }
    if (renamed.size === 0) return rules.map(({ name, body }) => `${name} ::= ${body}`);
    rules = rules
      .filter(({ name }) => !renamed.has(name))
      .map(({ name, body }) => ({ name, body: body.replaceAll(TOKENS, (token) => renamed.get(token) ?? token) }));
  }
}
