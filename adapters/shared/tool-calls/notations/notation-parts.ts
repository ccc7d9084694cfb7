// What notations of arguments have in common.
import type { Emitter, NameSpelling } from "../../json-schema-grammar/emit/emitter.ts";

import { dfaOf } from "../../json-schema-grammar/regex/dfa.ts";
import { parseRegex } from "../../json-schema-grammar/regex/parse.ts";
import { textRegex } from "../../json-schema-grammar/regex/regex.ts";
import { createWork } from "../../json-schema-grammar/regex/work.ts";
import { literal, type Sequence } from "../../json-schema-grammar/rules/rules.ts";
import { automatonRule, choiceRule, PLAIN } from "../../json-schema-grammar/rules/text-rules.ts";
import type { ConstantsAlternative, Goal } from "../../json-schema-grammar/schema/alternatives.ts";

/** A text as a part of a sequence, if there is one. */
export const textPart = (text: string): Sequence => (text === "" ? [] : [literal(text)]);

/** The constants that can be written. `write`: undefined for one that cannot be. */
export function constantTexts(
  { rules, reader }: Emitter,
  { values, place: { pointer, keyword } }: ConstantsAlternative,
  write: (value: unknown) => string | undefined,
): Sequence[] {
  const texts = values.map(write);
  const unwritable = texts.indexOf(undefined);
  if (unwritable >= 0) reader.leaveOut(pointer, keyword, unwritableReason(values[unwritable]));
  const written = texts.filter((text) => text !== undefined);
  return written.length === 0 ? [] : [[choiceRule(rules, written, [])]];
}

/** A property is left out whose name cannot be written. */
export function leaveOutName({ reader }: Emitter, name: string, [node]: Goal): undefined {
  const [pointer, keyword] = node === undefined ? ["", "properties"] : [node.pointer, ""];
  reader.leaveOut(pointer, keyword, unwritableReason(name));
}

const LONGEST_SHOWN = 60;

const unwritableReason = (value: unknown): string =>
  `the calls of this model have no way to write ${JSON.stringify(value).slice(0, LONGEST_SHOWN)}`;

/** Names that the schema does not name are plain ones: they end at no marker, and are no longer than a model means. */
const FURTHER_NAME = parseRegex("[A-Za-z_][A-Za-z0-9_]{0,63}", createWork());

export function furtherNameSpelling({ rules, reader }: Emitter): NameSpelling {
  const of: NameSpelling["of"] = ({ matches, excludes }) =>
    automatonRule(rules, dfaOf({ matches: [FURTHER_NAME, ...matches], excludes }, reader.work), PLAIN);
  return {
    of,
    other: (known) =>
      rules.once(`further name ${JSON.stringify(known)}`, () => [[of({ matches: [], excludes: known.map(textRegex) })]]),
  };
}
