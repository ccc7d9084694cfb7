// Texts as tokens, and back: by the prompt process, or by the engine where no library at hand knows the vocabulary.
import { AdapterError } from "../../adapter.ts";
import type { TokenizeOptions } from "../../completion.ts";
import type { ModelPrompts, Prompt, PromptEnd, TextOptions, TextsBehind } from "../../prompts.ts";
import type { TokenEngine } from "../../token-engine.ts";
import { checkTokens } from "../check-tokens.ts";

export type TextTokenizer = ReturnType<typeof createTokenizer>;

const WHOLE: TokenizeOptions = { add_special: true, parse_special: true };

export function createTokenizer({ tokenize, detokenize }: TokenEngine, prompts: ModelPrompts) {
  const ask = (pieces: readonly string[], options: TokenizeOptions, signal: AbortSignal): Promise<number[]> => {
    if (tokenize !== undefined) return tokenize(pieces, options, signal);
    throw noLibrary();
  };
  /** A text that goes on with a prompt. */
  const goOn = async (text: string, signal: AbortSignal): Promise<number[]> => {
    const known = await prompts.tokenize(text, signal);
    if (known !== undefined) return known;
    // The engine puts before each text what a sequence begins with.
    const [tokens, [start]] = await Promise.all([ask([text], WHOLE, signal), ask([""], WHOLE, signal)]);
    return start !== undefined && tokens[0] === start ? tokens.slice(1) : tokens;
  };
  return {
    goOn,
    promptTokens: async (prompt: Prompt, signal: AbortSignal): Promise<number[]> =>
      "tokens" in prompt ? prompt.tokens : ask(prompt.pieces, WHOLE, signal),
    /** Texts that go on with a prompt, each by itself. */
    async goOnBehind(end: PromptEnd, texts: readonly string[], signal: AbortSignal): Promise<TextsBehind> {
      const known = await prompts.tokenizeBehind(end, texts, signal);
      return known ?? { replaced: 0, texts: await Promise.all(texts.map((text) => goOn(text, signal))) };
    },
    /** A text of its own. Throws `AdapterError` `context_length_exceeded` as `ModelPrompts.tokenizeText`. */
    async tokenize(text: string, options: TextOptions, signal: AbortSignal): Promise<number[]> {
      const { add_special, parse_special } = options;
      return (await prompts.tokenizeText(text, options, signal)) ?? ask([text], { add_special, parse_special }, signal);
    },
    async tokenBytes(tokens: readonly number[], signal: AbortSignal): Promise<number[][]> {
      checkTokens(tokens, prompts.vocab_size, "tokens");
      const known = await prompts.tokenBytes(tokens, signal);
      if (known !== undefined) return known;
      throw noLibrary();
    },
    async detokenize(tokens: readonly number[], signal: AbortSignal): Promise<string> {
      checkTokens(tokens, prompts.vocab_size, "tokens");
      const known = await prompts.detokenize(tokens, signal);
      if (known !== undefined) return known;
      if (detokenize === undefined) throw noLibrary();
      return detokenize(tokens, signal);
    },
  };
}

function noLibrary(): AdapterError {
  return new AdapterError("engine_unavailable", "The library that reads the vocabularies of models is not here.");
}
