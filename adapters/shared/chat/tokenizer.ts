// Texts as tokens: by the prompt process, or by the engine where no library at hand knows the vocabulary.
import { AdapterError } from "../../adapter.ts";
import type { ModelPrompts, Prompt } from "../../prompts.ts";
import type { TokenEngine } from "../../token-engine.ts";

export type TextTokenizer = ReturnType<typeof createTokenizer>;

export function createTokenizer({ tokenize }: TokenEngine, prompts: ModelPrompts) {
  const ask = (pieces: readonly string[], signal: AbortSignal): Promise<number[]> => {
    if (tokenize !== undefined) return tokenize(pieces, signal);
    throw new AdapterError("engine_unavailable", "The library that reads the vocabularies of models is not here.");
  };
  return {
    promptTokens: async (prompt: Prompt, signal: AbortSignal): Promise<number[]> =>
      "tokens" in prompt ? prompt.tokens : ask(prompt.pieces, signal),
    /** A text that goes on with a prompt. */
    async goOn(text: string, signal: AbortSignal): Promise<number[]> {
      const known = await prompts.tokenize(text, signal);
      if (known !== undefined) return known;
      // The engine puts before each text what a sequence begins with.
      const [tokens, [start]] = await Promise.all([ask([text], signal), ask([""], signal)]);
      return start !== undefined && tokens[0] === start ? tokens.slice(1) : tokens;
    },
  };
}
