// The cost of a regular expression in a JSON Schema, by the grammar that it becomes.
import { type GrammarBudget, refuseCostlyGrammar } from "./explore.ts";
import { type Grammar, GrammarError, parseGrammar } from "./gbnf.ts";
import { classGrammar, PATTERN_PART } from "./pattern-parts.ts";
import { toStringPattern } from "./string-pattern.ts";

/** Throws `GrammarError`: for a pattern that costs too much, and for one that llama-server cannot turn into a JSON string. */
export function refuseCostlyPattern(pattern: string, budget: GrammarBudget): void {
  if (!isSupportedPattern(pattern)) {
    throw new GrammarError("it has to begin with ^ and end with $, and may hold plain groups, classes and counts alone");
  }
  refuseCostlyGrammar(patternGrammar(pattern), budget);
  toStringPattern(pattern);
}

/** The grammar of a pattern that `refuseCostlyPattern` has let through. */
export const patternGrammar = (pattern: string): Grammar => parseGrammar(`root ::= ${toGrammar(pattern.slice(1, -1))}`);

function isSupportedPattern(pattern: string): boolean {
  const classless = pattern.replaceAll(/\[(?:\\.|[^\]\\])*\]/g, "x").replaceAll("(?:", "(");
  return /^\^(?:\\[^a-zA-Z0-9]|\\[dwsDWSnrt]|[^\\^$])*\$$/.test(classless) && !classless.includes("(?");
}

function toGrammar(pattern: string): string {
  return pattern.replaceAll(PATTERN_PART, (part) => {
    if (part === "(?:") return "(";
    const set = part === "." ? part : classGrammar(part);
    if (set !== undefined) return set;
    if (/^[()|*+?]$|^\{/.test(part)) return part;
    return part.startsWith("\\") && /[nrt]/.test(part[1]!) ? `"${part}"` : JSON.stringify(part.replace("\\", ""));
  });
}
