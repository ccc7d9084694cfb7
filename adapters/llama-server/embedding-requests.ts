// Vectors and scores, as llama-server makes them of several texts in one request.
import * as v from "valibot";
import { AdapterError } from "../adapter.ts";
import { decodeVector, normalize } from "../shared/embeddings/vector.ts";
import { BrokenAnswer, type FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import type { LlamaServerClient } from "./http-client.ts";
import type { AnswerWatch } from "./watched-answer.ts";

const Vectors = v.object({ data: v.array(v.object({ index: v.number(), embedding: v.string() })) });
const Scores = v.object({
  results: v.array(v.object({ index: v.number(), relevance_score: v.number() })),
  usage: v.object({ prompt_tokens: v.number() }),
});

export type EmbeddingRequests = ReturnType<typeof createEmbeddingRequests>;

interface EmbeddingRequestsOptions {
  /** Of the model. */
  id: string;
  client: LlamaServerClient;
  watch: AnswerWatch;
  /** Of the engine. */
  slots: number;
}

type Answered<T> = { type: "answered"; value: T } | { type: "finish" };

export function createEmbeddingRequests({ id, client, watch, slots }: EmbeddingRequestsOptions) {
  /** Throws `AdapterError`, and the signal's reason. */
  const ask = async <T>(
    path: string,
    body: object,
    texts: number,
    read: (answer: unknown) => T,
    signal: AbortSignal,
  ): Promise<T> => {
    const count = Math.min(texts, slots);
    const begin = async (stop: AbortSignal) => {
      const answer = await client.postJson(path, body, stop);
      return (async function* (): AsyncGenerator<Answered<T>, void, undefined> {
        yield { type: "answered", value: readOrBreak(read, answer) };
        for (let slot = 0; slot < count; slot++) yield { type: "finish" };
      })();
    };
    let value: T | undefined;
    for await (const event of watch<Answered<T>>(
      { begin, count, ends_early: false, errorOf: (failure) => errorOf(failure, id) },
      signal,
    ))
      if (event.type === "answered") ({ value } = event);
    return value!;
  };

  return {
    /** In the order of the texts, each of the norm 1. */
    vectors(inputs: readonly (readonly number[])[], signal: AbortSignal): Promise<Float32Array[]> {
      const read = (answer: unknown): Float32Array[] => {
        const vectors: Float32Array[] = [];
        for (const { index, embedding } of v.parse(Vectors, answer).data) {
          const vector = normalize(decodeVector(embedding));
          if (vector === undefined)
            throw new AdapterError("generation_failed", `Model "${id}" makes what are no numbers of a text.`);
          vectors[index] = vector;
        }
        return inOrder(vectors, inputs.length);
      };
      return ask("/v1/embeddings", { input: inputs, encoding_format: "base64" }, inputs.length, read, signal);
    },
    /** In the order of the documents. `read`: tokens of all of them, with the query before each. */
    scores(query: string, documents: readonly string[], signal: AbortSignal): Promise<{ scores: number[]; read: number }> {
      const read = (answer: unknown): { scores: number[]; read: number } => {
        const { results, usage } = v.parse(Scores, answer);
        const scores: number[] = [];
        for (const { index, relevance_score } of results) scores[index] = relevance_score;
        return { scores: inOrder(scores, documents.length), read: usage.prompt_tokens };
      };
      return ask("/v1/rerank", { query, documents }, documents.length, read, signal);
    },
  };
}

function readOrBreak<T>(read: (answer: unknown) => T, answer: unknown): T {
  try {
    return read(answer);
  } catch (error) {
    throw error instanceof AdapterError ? error : new BrokenAnswer(`The answer cannot be read: ${(error as Error).message}`);
  }
}

function inOrder<T>(values: T[], count: number): T[] {
  if (values.length === count && !values.includes(undefined as T)) return values;
  throw new BrokenAnswer(`There are not ${count} answers.`);
}

/** Texts were counted before: what llama-server still refuses is its own failure. */
function errorOf({ body, status }: FailedAnswer, id: string): AdapterError {
  if (status === 503)
    return new AdapterError("engine_unavailable", `The engine of model "${id}" is not ready: ${body.message}`, {
      retry_after: 1,
    });
  const public_message = `The engine of model "${id}" failed at this request. The server's log says why.`;
  return new AdapterError("generation_failed", `The engine of model "${id}" failed at this request: ${body.message}`, {
    public_message,
  });
}
