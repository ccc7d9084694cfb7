// From tokens to text, one token at a time: a character that is spread over several tokens waits until it is whole.

/** Native and cheap; bytes that are no UTF-8 come out as U+FFFD, a cut-off character as one of them. */
export type Detokenize = (tokens: readonly number[]) => string;

export interface TokenDecoder {
  /** The text that this token makes certain, often a word, sometimes nothing. */
  push(token: number): string;
  /** What was held back, once no token will complete it. */
  flush(): string;
}

// Pieces depend on what stands before them (a leading space is dropped at the start of a text), so a few tokens stay in view.
const KEPT = 4;
const LONGEST_WINDOW = 16;
const CUT_OFF = "\uFFFD";

/** `before`: the end of the prompt, which the answer continues. */
export function createTokenDecoder(detokenize: Detokenize, before: readonly number[]): TokenDecoder {
  let window = before.slice(-KEPT);
  let told = detokenize(window).length;
  return {
    push(token) {
      window.push(token);
      const all = detokenize(window);
      // A character that still lacks bytes is always the last one, and a single U+FFFD.
      const certain = all.endsWith(CUT_OFF) ? all.slice(0, -1) : all;
      const text = certain.slice(told);
      told += text.length;
      if (window.length > LONGEST_WINDOW && certain === all) {
        window = window.slice(-KEPT);
        told = detokenize(window).length;
      }
      return text;
    },
    flush: () => detokenize(window).slice(told),
  };
}
