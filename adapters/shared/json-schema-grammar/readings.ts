// Alternatives that begin alike keep several readings of a text open, and in each other many: llama.cpp follows all of them at every token.
import { type GrammarBudget, refuseCostlyGrammar } from "../grammar-limits/explore.ts";
import { type Grammar, GrammarError, parseGrammar } from "../grammar-limits/gbnf.ts";
import { printRules } from "./rules/print.ts";
import { productiveRules } from "./rules/productive.ts";
import type { Rules } from "./rules/rules.ts";
import { UnsupportedSchema } from "./unsupported-schema.ts";

/** Readings of a text at once: with a vocabulary of 150,000 tokens about a third of a second a token. */
const MOST_READINGS = 500;
/** Stacks made to find the readings, about 20 ms. */
const MOST_WORK = 100_000;

/** `ambiguous`: the rules that are walked. Throws `UnsupportedSchema` where a text of one has too many readings. */
export function refuseManyReadings(rules: Rules, ambiguous: readonly number[]): void {
  const productive = productiveRules(rules.bodies);
  const starts = ambiguous.filter((rule) => productive[rule] === 1);
  const grammar = starts.length === 0 ? undefined : grammarOf(rules, starts);
  if (grammar === undefined) return;
  const budget: GrammarBudget = { most_readings: MOST_READINGS, work: { left: MOST_WORK } };
  try {
    refuseCostlyGrammar(grammar, budget);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    const reason = "a value can be read in too many ways at once: let its alternatives begin with what tells them apart";
    throw new UnsupportedSchema("", "", reason);
  }
}

/** The starts are its first rules, which are walked first. Undefined where it is too long to be walked. */
function grammarOf(rules: Rules, starts: readonly number[]): Grammar | undefined {
  const printed = printRules(rules, starts, "r", (index) => {
    throw new Error(`The rule ${starts[index]} has no text.`);
  });
  try {
    // Such a grammar names no tokens of the vocabulary.
    return parseGrammar(`root ::= ${printed.roots.join(" ")}\n${printed.rules}`, 0);
  } catch (error) {
    if (error instanceof GrammarError) return undefined;
    throw error;
  }
}
