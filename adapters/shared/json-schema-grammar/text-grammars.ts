// Grammars of plain texts: what a pattern matches, and one of some choices.
import { dfaOf } from "./regex/dfa.ts";
import { createWork, TooManyStates } from "./regex/work.ts";
import { parseRegex } from "./regex/parse.ts";
import { ANY_TEXT, UnsupportedRegex } from "./regex/regex.ts";
import { printRules } from "./rules/print.ts";
import { createRules, type Rules } from "./rules/rules.ts";
import { automatonRule, choiceRule, PLAIN } from "./rules/text-rules.ts";
import { UnsupportedSchema } from "./unsupported-schema.ts";

/** Lines of GBNF, and the name of the rule of the whole text. */
export interface TextGrammar {
  rules: string;
  root: string;
}

/** Texts that match as a whole. Throws `UnsupportedSchema` with the keyword `pattern`: look-behind, back-references, too many states; and where no text matches. */
export function patternGrammar(source: string, prefix: string): TextGrammar {
  const rules = createRules();
  const work = createWork();
  try {
    return printed(rules, automatonRule(rules, dfaOf({ matches: [parseRegex(source, work), ANY_TEXT] }, work), PLAIN), prefix);
  } catch (error) {
    if (error instanceof UnsupportedRegex) throw new UnsupportedSchema("", "pattern", error.message);
    if (error instanceof TooManyStates) throw new UnsupportedSchema("", "pattern", "it takes too many states");
    throw error;
  }
}

/** One of these texts. Throws `UnsupportedSchema` where each has half a surrogate pair, which no text in UTF-8 can have. */
export function choiceGrammar(texts: readonly string[], prefix: string): TextGrammar {
  const rules = createRules();
  const writable = texts.filter((text) => text.isWellFormed());
  return printed(rules, choiceRule(rules, writable, []), prefix);
}

function printed(rules: Rules, root: number, prefix: string): TextGrammar {
  const found = printRules(rules, [root], prefix, () => {
    throw new UnsupportedSchema("", "", "no text fits it");
  });
  return { rules: found.rules, root: found.roots[0]! };
}
