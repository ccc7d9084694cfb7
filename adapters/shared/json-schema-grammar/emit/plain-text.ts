// Texts as they are, without quotes, up to a marker that none of them holds.
import { dfaOf } from "../regex/dfa.ts";
import { all, ANY_TEXT, lengthRegex, textRegex } from "../regex/regex.ts";
import { createWork, TooManyStates } from "../regex/work.ts";
import type { Sequence } from "../rules/rules.ts";
import { automatonRule, PLAIN } from "../rules/text-rules.ts";
import { countable, patternLanguage, type StringAlternative } from "../schema/alternatives.ts";
import type { Emitter } from "./emitter.ts";

/** Characters are counted for each place in the marker: beyond so many states it is not tried. */
const MOST_COUNTED = 2_000;

/** A text of the alternative. What takes too many states is passed over: its bounds first, then its patterns from the last one on. */
export function plainText(emitter: Emitter, alternative: StringAlternative, marker: string): Sequence {
  const { rules, reader } = emitter;
  const { min, max, patterns, bounds } = countable(alternative);
  const without = all(ANY_TEXT, textRegex(marker), ANY_TEXT);
  if (patterns.length === 0 && bounds === undefined) {
    const rule = (): number => automatonRule(rules, dfaOf({ matches: [ANY_TEXT], excludes: [without] }, createWork()), PLAIN);
    return [rules.once(`text without ${marker}`, () => [[rule()]])];
  }
  const { matches, excludes = [] } = patternLanguage(countable(alternative));
  const counted = bounds === undefined ? [] : [lengthRegex(min, max)];
  try {
    if (patterns.length === 0 && (max === Infinity ? min : max) * marker.length > MOST_COUNTED) throw new TooManyStates();
    const language = { matches: [ANY_TEXT, ...counted, ...matches], excludes: [...excludes, without] };
    return [automatonRule(rules, dfaOf(language, reader.work), PLAIN)];
  } catch (error) {
    if (!(error instanceof TooManyStates)) throw error;
    const { pointer, keyword } = bounds ?? patterns.at(-1)!;
    reader.report(pointer, keyword, "it takes too many states beside what ends a text in the calls of this model");
    const { bounds: _, ...unbounded } = { ...alternative, min: 0, max: Infinity };
    return plainText(emitter, bounds ? unbounded : { ...alternative, patterns: patterns.slice(0, -1) }, marker);
  }
}

/** Whether a text has neither the marker nor half of a surrogate pair, which no text in UTF-8 can have. */
export const isPlain = (text: string, marker: string): boolean => text.isWellFormed() && !text.includes(marker);
