// Turns tokens into text, one token at a time: a character that is spread over several tokens waits until it is whole.

// The text of a token depends on those before (a leading space is dropped at the start of a text), so the window keeps a few tokens.
const MIN_WINDOW = 4;
const MAX_WINDOW = 16;
const CUT_OFF = "\uFFFD";

/**
 * `detokenize`: the native call. Bytes that are no UTF-8 come out as U+FFFD, a cut-off character as one of them. `before`: the prompt, which
 * the answer continues.
 */
export function createTokenDecoder(detokenize: (tokens: readonly number[]) => string, before: readonly number[]) {
  let window = before.slice(-MIN_WINDOW);
  let released = detokenize(window).length;
  /** The incomplete character, once no further token comes. */
  const flush = (): string => detokenize(window).slice(released);
  return {
    /** The text that this token makes certain, often a word, sometimes nothing. */
    push(token: number): string {
      window.push(token);
      const all = detokenize(window);
      // A character that still lacks bytes is always the last one, and a single U+FFFD.
      const certain = all.endsWith(CUT_OFF) ? all.slice(0, -1) : all;
      const text = certain.slice(released);
      released += text.length;
      if (window.length > MAX_WINDOW && certain === all) {
        window = window.slice(-MIN_WINDOW);
        released = detokenize(window).length;
      }
      return text;
    },
    flush,
    /** The text of a token that the native call shows nothing of: it ends a character that is incomplete. */
    pushShown(token: number, text: string): string {
      const all = flush() + text;
      window = [token];
      released = 0;
      return all;
    },
  };
}
