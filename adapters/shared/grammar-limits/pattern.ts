// The cost of a regular expression in a JSON Schema, by the grammar that it becomes.
import { type GrammarBudget, refuseCostlyGrammar } from "./explore.ts";
import { type Grammar, GrammarError, parseGrammar } from "./gbnf.ts";

/** Throws `GrammarError`: for a pattern that costs too much, and for one that llama-server would take for any string. */
export function refuseCostlyPattern(pattern: string, budget: GrammarBudget): void {
  if (!isSupportedPattern(pattern)) {
    throw new GrammarError("it has to begin with ^ and end with $, and may hold plain groups, classes and counts alone");
  }
  refuseCostlyGrammar(patternGrammar(pattern), budget);
}

/** The grammar of a pattern that `refuseCostlyPattern` has let through. */
export const patternGrammar = (pattern: string): Grammar => parseGrammar(`root ::= ${toGrammar(pattern.slice(1, -1))}`);

function isSupportedPattern(pattern: string): boolean {
  const classless = pattern.replaceAll(/\[(?:\\.|[^\]\\])*\]/g, "x").replaceAll("(?:", "(");
  return /^\^(?:\\[^a-zA-Z0-9]|\\[dwsDWSnrt]|[^\\^$])*\$$/.test(classless) && !classless.includes("(?");
}

/** Members of a class. */
const SHORTHANDS: Record<string, string> = { d: "0-9", w: "a-zA-Z0-9_", s: " \\t\\n\\r" };

function toGrammar(pattern: string): string {
  return pattern.replaceAll(PART, (part) => {
    if (part === "(?:") return "(";
    if (part.startsWith("[")) return part.replaceAll(/\\([\s\S])/g, (_, escaped: string) => escapeInClass(escaped));
    if (/^\\[dws]$/.test(part)) return `[${SHORTHANDS[part[1]!]}]`;
    if (/^\\[DWS]$/.test(part)) return `[^${SHORTHANDS[part[1]!.toLowerCase()]}]`;
    if (/^[.()|*+?]$|^\{/.test(part)) return part;
    return part.startsWith("\\") && /[nrt]/.test(part[1]!) ? `"${part}"` : JSON.stringify(part.replace("\\", ""));
  });
}

/** A class, a count, a group, an escape, or one character. */
const PART = /\[(?:\\[\s\S]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|\(\?:|\\[\s\S]|[\s\S]/gu;

function escapeInClass(escaped: string): string {
  if (/[dws]/.test(escaped)) return SHORTHANDS[escaped]!;
  return /[nrt\\\]"[]/.test(escaped) ? `\\${escaped}` : escaped;
}
