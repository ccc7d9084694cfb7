// The engine of a llama-server whose model makes vectors or scores and writes nothing.
import { readSpecialTokens } from "../../models/gguf/special-tokens.ts";
import * as v from "valibot";
import type { InstalledModel } from "../../models/manifest.ts";
import { describeKind, embeddingPooling } from "../../models/tasks.ts";
import { AdapterError } from "../adapter.ts";
import type { RerankRequest } from "../embedding.ts";
import type { TokenEngine } from "../token-engine.ts";
import { readModelFile } from "../shared/read-model-file.ts";
import { createCharactersOfPart, createTokensOfPart, embed, rankTexts } from "./embed.ts";
import type { EmbeddingRequests } from "./embedding-requests.ts";
import { createTokenEscaper, TokenPieces } from "./escape-special-tokens.ts";
import type { LlamaServerClient } from "./http-client.ts";

interface TextEngineOptions {
  installed: InstalledModel;
  client: LlamaServerClient;
  requests: EmbeddingRequests;
  /** Its prompt is a template, in which llama-server finds special tokens wherever they stand. */
  in_template: boolean;
}

type TextEngine = Pick<TokenEngine, "generate" | "embed" | "rankTexts">;

export async function textEngine({ installed, client, requests, in_template }: TextEngineOptions): Promise<TextEngine> {
  const generate: TokenEngine["generate"] = async function* () {
    const message = `"${installed.id}" is ${describeKind(installed)}: it writes no text.`;
    yield Promise.reject(new AdapterError("request_unsupported", message, { param: "model" }));
  };
  if (embeddingPooling(installed) !== "rank") {
    const tokens = createTokensOfPart();
    return { generate, embed: (request, signal) => embed(requests, tokens, request, signal) };
  }
  const characters = createCharactersOfPart();
  const escape = in_template ? createEscape(await readModelFile(installed, readSpecialTokens), client) : undefined;
  return {
    generate,
    async *rankTexts(request, signal) {
      yield* rankTexts(requests, characters, (await escape?.(request, signal)) ?? request, signal);
    },
  };
}

const Tokens = v.object({ tokens: TokenPieces });

/** Names of special tokens in the texts stay text. */
function createEscape(names: ReadonlySet<string>, client: LlamaServerClient) {
  const escape = createTokenEscaper(names);
  return async ({ query, documents }: RerankRequest, signal: AbortSignal): Promise<RerankRequest> => {
    const tokenize = async (content: string, special: boolean): Promise<TokenPieces> => {
      const body = { content, add_special: false, parse_special: special, with_pieces: true };
      return v.parse(Tokens, await client.postJson("/tokenize", body, signal)).tokens;
    };
    const messages = [query, ...documents].map((content) => ({ role: "user" as const, content }));
    const [first, ...rest] = (await escape(messages, tokenize)).map(({ content }) => content as string);
    return { query: first!, documents: rest };
  };
}
