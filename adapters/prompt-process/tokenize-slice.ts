// A text of its own as tokens, slice by slice: between two of them, other questions are answered.
import type { SliceTokens, TextSlice } from "./protocol.ts";
import { createSpecialNames, type SpecialNames } from "./special-names.ts";
import { chunksOf, type TextChunk } from "./tokenize-prompt.ts";
import type { Tokenizer } from "./vocabulary.ts";

const NO_NAMES = createSpecialNames(new Map());

/** What follows the last cut of a slice waits for the next one: a token may go on there. */
export function tokenizeSlice(slice: TextSlice, tokenizer: Tokenizer, names: SpecialNames): SliceTokens {
  const { text, first, last, inside, parse_special, add_special } = slice;
  const { start, end, longest_text } = tokenizer;
  const chunks = [...chunksOf(text, parse_special ? names : NO_NAMES, longest_text)];
  const waiting: TextChunk | undefined = last ? undefined : chunks.pop();
  const tokens: number[] = [];
  for (const [index, { text, rest }] of chunks.entries()) {
    const goes_on = index === 0 ? inside : rest;
    for (const token of (goes_on ? tokenizer.tokenizeRest : tokenizer.tokenize)(text, parse_special)) tokens.push(token);
  }
  if (add_special && first && start !== undefined && tokens[0] !== start) tokens.unshift(start);
  if (add_special && last && end !== undefined) tokens.push(end);
  return { tokens, taken: text.length - (waiting?.text.length ?? 0), inside: waiting?.rest ?? inside };
}
