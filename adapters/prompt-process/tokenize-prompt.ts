// Rendered text as tokens: in chunks, between which the process reads its messages, and no more than a context holds.
import { tooLong } from "./errors.ts";
import type { TokenLimits } from "./protocol.ts";
import type { SpecialNames } from "./special-names.ts";
import type { Tokenizer } from "./vocabulary.ts";

// llama.cpp's time grows with the square of the special tokens in a text, and nearly so with the length of a word.
const CHUNK = 16 * 1024;
const LONGEST_CHUNK = 128 * 1024;

/** `pieces`: borders between them are inside a text. Throws `AdapterError` `context_length_exceeded`. */
export async function tokenizePrompt(pieces: readonly string[], tokenizer: Tokenizer, names: SpecialNames, limits: TokenLimits) {
  const tokens: number[] = [];
  let done = 0;
  for (const [index, piece] of pieces.entries())
    for (const { text, rest } of chunksOf(piece, names)) {
      for (const token of index > 0 || rest ? tokenizer.tokenizeRest(text) : tokenizer.tokenize(text)) tokens.push(token);
      if (tokens.length >= limits.tokens) throw tooLong(tokens.length, limits);
      done += text.length;
      if (done < CHUNK) continue;
      done = 0;
      await new Promise((done) => setImmediate(done));
    }
  const { start } = tokenizer;
  return start !== undefined && tokens[0] !== start ? [start, ...tokens] : tokens;
}

interface Chunk {
  text: string;
  /** It begins inside a text, not at a special token. */
  rest: boolean;
}

/**
 * Cuts before special tokens, where the tokenizer cuts as well; a text without any for long is cut at white space, which may make one
 * token two.
 */
function* chunksOf(text: string, names: SpecialNames): Generator<Chunk> {
  let start = 0;
  let rest = false;
  /** The end of the names that began so far: names may overlap, and only the tokenizer knows which of them counts. */
  let covered = 0;
  for (let at = CHUNK < text.length ? 0 : text.length; at < text.length; at++) {
    const found = names.at(text, at);
    const special = found.length > 0 && at >= covered && !found.some(({ strips_left }) => strips_left);
    const too_long = at - start >= LONGEST_CHUNK;
    if (too_long || (special && at - start >= CHUNK)) {
      const end = special ? at : cutBefore(text, at);
      yield { text: text.slice(start, end), rest };
      start = end;
      rest = !special;
    }
    for (const { length } of found) covered = Math.max(covered, at + length);
  }
  if (start < text.length) yield { text: text.slice(start), rest };
}

/** The last white space of the chunk's second half; where there is none, any place between two characters. */
function cutBefore(text: string, end: number): number {
  for (let at = end; at > end - LONGEST_CHUNK / 2; at--)
    if (WHITE_SPACE.test(text[at]!) && !WHITE_SPACE.test(text[at - 1]!)) return at;
  return isLowSurrogate(text.charCodeAt(end)) ? end - 1 : end;
}

const WHITE_SPACE = /\s/;
const isLowSurrogate = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff;
