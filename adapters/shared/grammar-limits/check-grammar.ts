// The bounds of a grammar that a client has written: while an engine follows it, no other generation of the model goes on.
import { AdapterError } from "../../adapter.ts";
import { createGrammarBudget, refuseUncheckedGrammar } from "./explore.ts";
import { GrammarError, parseGrammar } from "./gbnf.ts";

/** In characters. */
const LONGEST_GRAMMAR = 64 * 1024;

/** For a model with so many tokens in its vocabulary. Throws `AdapterError` `request_refused` with `param` `grammar` and the reason. */
export function checkGrammar(grammar: string, vocab_size: number): void {
  if (grammar.length > LONGEST_GRAMMAR) throw refused(`"grammar" has more than ${LONGEST_GRAMMAR} characters.`);
  // llama-server built without llguidance crashes at a grammar of that language.
  if (grammar.startsWith("%llguidance")) throw refused(`"grammar" is not in GBNF.`);
  if (grammar.trim() === "") throw refused(`"grammar" is empty.`);
  try {
    refuseUncheckedGrammar(parseGrammar(grammar, vocab_size), createGrammarBudget(vocab_size));
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    throw refused(`"grammar" cannot be honoured: ${error.message}.`);
  }
}

const refused = (message: string): AdapterError => new AdapterError("request_refused", message, { param: "grammar" });
