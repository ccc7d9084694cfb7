// Texts of JSON.
import { dfaOf, type TextLanguage } from "../regex/dfa.ts";
import { longestText } from "../regex/longest-text.ts";
import { type GrammarWork, TooManyStates } from "../regex/work.ts";
import { lengthRegex } from "../regex/regex.ts";
import type { Sequence } from "../rules/rules.ts";
import { automatonRule } from "../rules/text-rules.ts";
import { countable, patternLanguage, type StringAlternative } from "../schema/alternatives.ts";
import { countedRule } from "./counted.ts";
import type { Emitter } from "./emitter.ts";

const QUOTES = '"\\""';

export const stringSequence = (emitter: Emitter, alternative: StringAlternative): Sequence => [
  QUOTES,
  textRule(emitter, alternative),
];

/** The text behind its first quotes, with the last ones. */
function textRule(emitter: Emitter, alternative: StringAlternative): number {
  const { rules, common, reader } = emitter;
  if (alternative.patterns.length === 0) return countedRule(rules, common.character, alternative.min, alternative.max, [QUOTES]);
  try {
    return automatonRule(rules, dfaOf(withLengths(alternative, reader.work), reader.work), common.spelling);
  } catch (error) {
    if (!(error instanceof TooManyStates)) throw error;
    const { pointer, keyword } = alternative.patterns.at(-1)!;
    reader.report(pointer, keyword, "it takes too many states, by itself or with the bounds of its length");
    return textRule(emitter, { ...alternative, patterns: alternative.patterns.slice(0, -1) });
  }
}

function withLengths(alternative: StringAlternative, work: GrammarWork): TextLanguage {
  const whole = patternLanguage(alternative);
  const { min } = alternative;
  // To count characters takes a state for each: that is for texts that may be too long.
  const isShort = alternative.max < Infinity && longestText(dfaOf(whole, work)) <= alternative.max;
  if (isShort || alternative.max === Infinity) return min === 0 ? whole : counted(whole, min, Infinity);
  const bounded = countable(alternative);
  return counted(patternLanguage(bounded), min, bounded.max);
}

const counted = (language: TextLanguage, min: number, max: number): TextLanguage => ({
  ...language,
  matches: [...language.matches, lengthRegex(min, max)],
});

/** A name of a property: one spelling for each name, so that none comes twice. */
export const nameRule = ({ rules, common, reader }: Emitter, language: Parameters<typeof dfaOf>[0]): number =>
  automatonRule(rules, dfaOf(language, reader.work), common.spelling);
