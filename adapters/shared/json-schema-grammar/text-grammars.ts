// Grammars of plain texts: what a pattern matches, one of some choices, all but a marker.
import type { Dfa } from "./regex/automaton.ts";
import { dfaOf, type TextLanguage } from "./regex/dfa.ts";
import { createWork, TooManyStates } from "./regex/work.ts";
import { parseRegex, UnsupportedRegex } from "./regex/parse.ts";
import { all, ANY_TEXT, lengthRegex, type Regex, textRegex } from "./regex/regex.ts";
import { printRules } from "./rules/print.ts";
import { createRules, type Rules } from "./rules/rules.ts";
import { automatonRule, choiceRule, PLAIN } from "./rules/text-rules.ts";
import { UnsupportedSchema } from "./unsupported-schema.ts";

/** Lines of GBNF, and the name of the rule of the whole text. */
export interface TextGrammar {
  rules: string;
  root: string;
}

/** Texts that match as a whole. Throws `UnsupportedSchema` with the keyword `pattern`: look-around, back-references, too many states; and where no text matches. */
export function patternGrammar(source: string, prefix: string): TextGrammar {
  try {
    return languagesGrammar([{ matches: [parseRegex(source, createWork()), ANY_TEXT] }], prefix);
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

/** Texts without the marker, which is not empty, of so many characters. */
export function textWithout(marker: string, prefix: string, { min = 0, max = Infinity } = {}): TextGrammar {
  const bounds = min > 0 || max < Infinity ? [lengthRegex(min, max)] : [];
  return languagesGrammar([{ matches: [ANY_TEXT, ...bounds], excludes: [textWith(marker)] }], prefix);
}

export const textWith = (marker: string): Regex => all(ANY_TEXT, textRegex(marker), ANY_TEXT);

/** Texts of one of the languages. */
export function languagesGrammar(languages: readonly TextLanguage[], prefix: string): TextGrammar {
  const rules = createRules();
  const alternatives = languages.map((language) => [automatonRule(rules, automaton(language), PLAIN)]);
  return printed(rules, rules.add(alternatives), prefix);
}

function automaton(language: TextLanguage): Dfa {
  try {
    return dfaOf(language, createWork());
  } catch (error) {
    if (error instanceof TooManyStates) throw new UnsupportedSchema("", "pattern", "it takes too many states");
    throw error;
  }
}

function printed(rules: Rules, root: number, prefix: string): TextGrammar {
  const found = printRules(rules, [root], prefix, () => {
    throw new UnsupportedSchema("", "", "no text fits it");
  });
  return { rules: found.rules, root: found.roots[0]! };
}
