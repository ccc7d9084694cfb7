// Makes tokens of a prompt's pieces, where no library at hand knows the vocabulary.
import * as v from "valibot";
import type { TokenEngine } from "../token-engine.ts";
import type { LlamaServerClient } from "./http-client.ts";

const Tokens = v.object({ tokens: v.array(v.number()) });

/** The prompt has the start token that the model wants once, though many templates write it too. */
export function tokenizer(client: LlamaServerClient): NonNullable<TokenEngine["tokenize"]> {
  return async (pieces, signal) => {
    const tokenize = async (content: readonly string[]): Promise<number[]> => {
      const body = { content, add_special: true, parse_special: true };
      return v.parse(Tokens, await client.postJson("/tokenize", body, signal)).tokens;
    };
    const [tokens, [start]] = await Promise.all([tokenize(pieces), tokenize([""])]);
    return start !== undefined && tokens[0] === start && tokens[1] === start ? tokens.slice(1) : tokens;
  };
}
