// Rendered text as tokens: in chunks, between which the process reads its messages, and no more than a context holds.
import { tooLong } from "./errors.ts";
import type { TokenLimits } from "./protocol.ts";
import type { SpecialNames } from "./special-names.ts";
import type { Tokenizer } from "./vocabulary.ts";

// llama.cpp's time grows with the square of the special tokens in a text.
const CHUNK = 16 * 1024;

/** Prompts up to so many times the context are counted to their end, so that the client learns by how much they are too long. */
const COUNTED = 2;

/** `pieces`: borders between them are inside a text. Throws `AdapterError` `context_length_exceeded`. */
export async function tokenizePrompt(
  pieces: readonly string[],
  tokenizer: Tokenizer,
  names: SpecialNames,
  limits: TokenLimits,
): Promise<number[]> {
  const tokens: number[] = [];
  let done = 0;
  for (const [index, piece] of pieces.entries())
    for (const { text, rest } of chunksOf(piece, names, tokenizer.longest_text)) {
      for (const token of index > 0 || rest ? tokenizer.tokenizeRest(text) : tokenizer.tokenize(text)) tokens.push(token);
      if (tokens.length > COUNTED * limits.tokens) throw tooLong(tokens.length - 1, limits, "some");
      done += text.length;
      if (done < CHUNK) continue;
      done = 0;
      await new Promise((done) => setImmediate(done));
    }
  const { start } = tokenizer;
  const prompt = start !== undefined && tokens[0] !== start ? [start, ...tokens] : tokens;
  if (prompt.length >= limits.tokens) throw tooLong(prompt.length, limits, "all");
  return prompt;
}

export interface TextChunk {
  text: string;
  /** It begins inside a text, not at a special token. */
  rest: boolean;
}

/**
 * Cuts before special tokens, where the tokenizer cuts as well. A text without any for `longest` characters is cut before a space, which
 * begins a token, and one without spaces in the middle of a word.
 */
export function* chunksOf(text: string, names: SpecialNames, longest: number): Generator<TextChunk> {
  const least = Math.min(CHUNK, longest);
  let start = 0;
  let rest = false;
  /** The end of the names that began so far: names may overlap, and only the tokenizer knows which of them counts. */
  let covered = 0;
  for (let at = least < text.length ? 0 : text.length; at < text.length; at++) {
    const found = names.at(text, at);
    const special = found.length > 0 && at >= covered && !found.some(({ strips_left }) => strips_left);
    if (at - start >= longest || (special && at - start >= least)) {
      const end = special ? at : cutBefore(text, at, at - longest / 2);
      yield { text: text.slice(start, end), rest };
      start = end;
      rest = !special;
    }
    for (const { length } of found) covered = Math.max(covered, at + length);
  }
  if (start < text.length) yield { text: text.slice(start), rest };
}

function cutBefore(text: string, end: number, least: number): number {
  for (let at = end; at > least; at--) if (text[at] === " " && /\S/.test(text[at - 1]!)) return at;
  return isLowSurrogate(text.charCodeAt(end)) ? end - 1 : end;
}

const isLowSurrogate = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff;
