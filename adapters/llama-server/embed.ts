// The vectors and scores of a request: so many texts at a time that llama-server has always some to go on with, and others do not wait for all.
import type { EmbedEvent, RerankEvent, RerankRequest } from "../embedding.ts";
import { askAhead } from "../shared/embeddings/ask-ahead.ts";
import { textUsage, usageOfAll } from "../shared/embeddings/text-usage.ts";
import type { TokenEmbedRequest } from "../token-engine.ts";
import type { EmbeddingRequests } from "./embedding-requests.ts";
import type { LendSlot } from "./lend-slot.ts";

/** Texts and tokens of one request to llama-server, of which two are on their way. */
const MOST_TEXTS = 32;
const MOST_TOKENS = 4_096;
const AHEAD = 2;
/** Characters of documents: where they are not counted in tokens. */
const MOST_CHARACTERS = 4 * MOST_TOKENS;

export async function* embed(
  requests: EmbeddingRequests,
  { inputs }: TokenEmbedRequest,
  signal: AbortSignal,
): AsyncGenerator<EmbedEvent> {
  const parts = partsOf(inputs, ({ length }) => length, MOST_TOKENS);
  let index = 0;
  for await (const vectors of askAhead(parts, AHEAD, (part, stop) => requests.vectors(part, stop), signal))
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
  { query, documents }: RerankRequest,
  signal: AbortSignal,
): AsyncGenerator<RerankEvent> {
  const parts = partsOf(documents, ({ length }) => length + query.length, MOST_CHARACTERS);
  let [index, read] = [0, 0];
  for await (const answer of askAhead(parts, AHEAD, (part, stop) => requests.scores(query, part, stop), signal)) {
    read += answer.read;
    for (const score of answer.scores) yield { type: "score", index: index++, score };
  }
  yield { type: "finish", usage: textUsage(read) };
}

function partsOf<T>(texts: readonly T[], sizeOf: (text: T) => number, most: number): T[][] {
  const parts: T[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const text of texts) {
    const part = parts.at(-1);
    size += sizeOf(text);
    if (part !== undefined && part.length < MOST_TEXTS && size <= most) part.push(text);
    else {
      parts.push([text]);
      size = sizeOf(text);
    }
  }
  return parts;
}
