// Texts as tokens and back, where no library at hand knows the vocabulary.
import * as v from "valibot";
import type { TokenEngine } from "../token-engine.ts";
import type { LlamaServerClient } from "./http-client.ts";

const Tokens = v.object({ tokens: v.array(v.number()) });
const Content = v.object({ content: v.string() });

/** A text has the start token that the model wants once, though many templates write it too. */
export function tokenizer(client: LlamaServerClient): Required<Pick<TokenEngine, "tokenize" | "detokenize">> {
  return {
    async tokenize(pieces, options, signal) {
      const tokenize = async (content: readonly string[]): Promise<number[]> =>
        v.parse(Tokens, await client.postJson("/tokenize", { content, ...options }, signal)).tokens;
      if (!options.add_special) return tokenize(pieces);
      const [tokens, [start]] = await Promise.all([tokenize(pieces), tokenize([""])]);
      return start !== undefined && tokens[0] === start && tokens[1] === start ? tokens.slice(1) : tokens;
    },
    detokenize: async (tokens, signal) => v.parse(Content, await client.postJson("/detokenize", { tokens }, signal)).content,
  };
}
