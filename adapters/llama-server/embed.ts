// The vectors and scores of a request: so many texts at a time that llama-server has always some to go on with, and others do not wait for all.
import type { EmbedEvent, RerankEvent, RerankRequest } from "../embedding.ts";
import { askAhead } from "../shared/embeddings/ask-ahead.ts";
import { createPartSize, type PartSize } from "../shared/embeddings/part-size.ts";
import { type Part, partsOf } from "../shared/embeddings/parts.ts";
import { textUsage, usageOfAll } from "../shared/embeddings/text-usage.ts";
import type { TokenEmbedRequest } from "../token-engine.ts";
import type { EmbeddingRequests } from "./embedding-requests.ts";
import type { LendSlot } from "./lend-slot.ts";

/** Requests that are on their way to llama-server. */
const AHEAD = 2;
/** Tokens of one request: of the first one of an engine, and of any. */
const FIRST_TOKENS = 256;
const MOST_TOKENS = 4_096;
/** Documents are counted in characters. */
const CHARACTERS_OF_TOKEN = 4;

/** One for all requests of an engine: each begins with what the others have shown. */
export const createTokensOfPart = (): PartSize => createPartSize(FIRST_TOKENS, MOST_TOKENS);
export const createCharactersOfPart = (): PartSize =>
  createPartSize(FIRST_TOKENS * CHARACTERS_OF_TOKEN, MOST_TOKENS * CHARACTERS_OF_TOKEN);

export async function* embed(
  requests: EmbeddingRequests,
  part_size: PartSize,
  { inputs }: TokenEmbedRequest,
  signal: AbortSignal,
): AsyncGenerator<EmbedEvent> {
  const parts = partsOf(inputs, ({ length }) => length, part_size);
  const ask = ({ texts, size }: Part<readonly number[]>, stop: AbortSignal): Promise<Float32Array[]> =>
    part_size.measure(size, () => requests.vectors(texts, stop));
  let index = 0;
  for await (const vectors of askAhead(parts, AHEAD, ask, signal))
    for (const vector of vectors) yield { type: "embedding", index: index++, vector };
  yield { type: "finish", usage: usageOfAll(inputs) };
}

/** Beside chats, one text after the other. */
export async function* embedInSlots(
  requests: EmbeddingRequests,
  lend: LendSlot,
  { inputs }: TokenEmbedRequest,
  signal: AbortSignal,
): AsyncGenerator<EmbedEvent> {
  for (const [index, input] of inputs.entries()) {
    const [vector] = await lend(signal, () => requests.vectors([input], signal));
    yield { type: "embedding", index, vector: vector! };
  }
  yield { type: "finish", usage: usageOfAll(inputs) };
}

export async function* rankTexts(
  requests: EmbeddingRequests,
  part_size: PartSize,
  { query, documents }: RerankRequest,
  signal: AbortSignal,
): AsyncGenerator<RerankEvent> {
  const parts = partsOf(documents, ({ length }) => length + query.length, part_size);
  const ask = ({ texts, size }: Part<string>, stop: AbortSignal) =>
    part_size.measure(size, () => requests.scores(query, texts, stop));
  let [index, read] = [0, 0];
  for await (const answer of askAhead(parts, AHEAD, ask, signal)) {
    read += answer.read;
    for (const score of answer.scores) yield { type: "score", index: index++, score };
  }
  yield { type: "finish", usage: textUsage(read) };
}
