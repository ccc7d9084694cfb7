// Texts that go on with a prompt, as tokens: the end of the prompt is tokenized with each of them, as a token may have parts of both.
import type { PromptEnd, TextsBehind } from "../prompts.ts";
import type { SpecialNames } from "./special-names.ts";
import type { Tokenizer } from "./vocabulary.ts";

export function tokenizeBehind(
  end: PromptEnd,
  texts: readonly string[],
  { tokenizeRest }: Tokenizer,
  names: SpecialNames,
): TextsBehind {
  for (const border of bordersOf(end.tail, names)) {
    const last = end.tail.slice(border);
    const tokens = tokenizeRest(last);
    const place = end.tokens.length - tokens.length;
    // Where the tokenizer cuts elsewhere in the whole prompt, the border is none.
    if (place < 0 || !tokens.every((token, at) => token === end.tokens[place + at])) continue;
    return { replaced: tokens.length, texts: texts.map((text) => [...tokenizeRest(last + text)]) };
  }
  return { replaced: 0, texts: texts.map((text) => [...tokenizeRest(text)]) };
}

/** Where the tokenizer is likely to cut: before the last special token, the last line break, and the last space. */
function bordersOf(tail: string, names: SpecialNames): number[] {
  const special = Array.from(tail, (_, at) => at).findLast((at) => names.at(tail, at).length > 0);
  return [special ?? -1, tail.lastIndexOf("\n"), tail.lastIndexOf(" ")].filter((at) => at >= 0);
}
