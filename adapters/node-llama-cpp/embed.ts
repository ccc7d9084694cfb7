// The vectors and the scores of a request, text by text.
import { AdapterError } from "../adapter.ts";
import type { EmbedEvent, RerankEvent } from "../embedding.ts";
import type { TokenEmbedRequest } from "../token-engine.ts";
import { askAhead } from "../shared/embeddings/ask-ahead.ts";
import { usageOfAll } from "../shared/embeddings/text-usage.ts";
import { normalize } from "../shared/embeddings/vector.ts";
import type { Embedder } from "./embedder.ts";
import type { SideWork } from "./side-work.ts";

export interface EmbeddingParts {
  /** Opens it at the first use. */
  embedder: () => Promise<Embedder>;
  work: SideWork;
}

export async function* embed(
  parts: EmbeddingParts,
  { inputs }: TokenEmbedRequest,
  signal: AbortSignal,
): AsyncGenerator<EmbedEvent> {
  for await (const { index, numbers } of computeAll(parts, inputs, signal)) {
    const vector = normalize(numbers);
    if (vector === undefined) throw noNumbers(`input[${index}]`);
    yield { type: "embedding", index, vector };
  }
  yield { type: "finish", usage: usageOfAll(inputs) };
}

export async function* rank(
  parts: EmbeddingParts,
  { inputs }: TokenEmbedRequest,
  signal: AbortSignal,
): AsyncGenerator<RerankEvent> {
  for await (const { index, numbers } of computeAll(parts, inputs, signal)) {
    const [score = Number.NaN] = numbers;
    if (!Number.isFinite(score)) throw noNumbers(`documents[${index}]`);
    yield { type: "score", index, score };
  }
  yield { type: "finish", usage: usageOfAll(inputs) };
}

/** Texts of a request that wait for their turn at a time: while one goes out, the next one is computed. */
const AHEAD = 4;

async function* computeAll({ embedder, work }: EmbeddingParts, inputs: readonly (readonly number[])[], signal: AbortSignal) {
  const { compute } = await embedder();
  const ask = (tokens: readonly number[], stop: AbortSignal): Promise<Float64Array> =>
    work.run(async () => compute(tokens, stop));
  let index = 0;
  for await (const numbers of askAhead(inputs, AHEAD, ask, signal)) yield { index: index++, numbers };
}

function noNumbers(param: string): AdapterError {
  const message = `The model makes of "${param}" what are no numbers: its file may be damaged. Check it with "ingle check --weights".`;
  return new AdapterError("generation_failed", message, { param });
}
