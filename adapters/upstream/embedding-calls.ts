// Vectors and scores of another server: one request, to one of its model's servers after the other until one answers.
import * as v from "valibot";
import type { Engine } from "../adapter.ts";
import { textUsage } from "../shared/embeddings/text-usage.ts";
import { decodeVector } from "../shared/embeddings/vector.ts";
import { BrokenAnswer } from "../shared/openai-stream/answer-events.ts";
import { routedTexts } from "./affinity.ts";
import { publicMessageOf, ServerFailure, type UpstreamTarget } from "./errors.ts";
import { askServer, type PromptCall } from "./prompt-calls.ts";
import type { ServerPool } from "./server-pool.ts";
import { tryServers } from "./try-servers.ts";
import type { UpstreamConfig } from "./upstream-config.ts";

type EmbeddingCalls = Required<Pick<Engine, "embed" | "rerank">>;

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Usage = v.nullish(v.object({ prompt_tokens: v.nullish(Count), total_tokens: v.nullish(Count) }));
const Vectors = v.object({
  data: v.array(v.object({ index: Count, embedding: v.union([v.array(v.number()), v.string()]) })),
  usage: Usage,
});
const Scores = v.object({ results: v.array(v.object({ index: Count, relevance_score: v.number() })), usage: Usage });

/** In characters: 2,048 vectors of 4,096 numbers as text. */
const MAX_ANSWER = 256 * 1024 * 1024;

export function createEmbeddingCalls(config: UpstreamConfig, pool: ServerPool, closing: AbortSignal): EmbeddingCalls {
  const { model } = config;
  /** Throws `AdapterError` and the signal's reason. */
  const ask = async <Schema extends v.GenericSchema, Read>(
    call: PromptCall<Schema>,
    texts: readonly (string | readonly number[])[],
    read: (answer: v.InferOutput<Schema>, target: UpstreamTarget) => Read,
    signal: AbortSignal,
  ): Promise<Read> => {
    const either = AbortSignal.any([signal, closing]);
    const request = {
      ...{ conversation: routedTexts(texts), fields: call.body },
      async *send(...[server, target]: Parameters<Parameters<typeof tryServers>[2]["send"]>) {
        yield read(await askServer(config, server, target, { ...call, most: MAX_ANSWER }, either), target);
      },
    };
    for await (const answer of tryServers(config, pool, request, either)) return answer;
    throw new Error("A server was tried without an answer or a failure.");
  };

  return {
    async *embed({ inputs, dimensions }, signal) {
      const body = { model, input: inputs, encoding_format: "float", ...(dimensions !== undefined && { dimensions }) };
      const read = ({ data, usage }: v.InferOutput<typeof Vectors>, target: UpstreamTarget) => {
        checkAll(data, inputs.length);
        const vectors = data.map(({ index, embedding }) => ({ index, vector: toVector(embedding) }));
        const { length } = vectors[0]!.vector;
        if (dimensions !== undefined && length !== dimensions) throw ignoresDimensions(length, target);
        return { vectors, usage };
      };
      const { vectors, usage } = await ask({ paths: ["/embeddings"], body, answer: Vectors }, inputs, read, signal);
      for (const { index, vector } of vectors) yield { type: "embedding", index, vector };
      yield { type: "finish", usage: usageOf(usage) };
    },
    async *rerank({ query, documents }, signal) {
      const body = { model, query, documents, top_n: documents.length, return_documents: false };
      const read = (answer: v.InferOutput<typeof Scores>) => {
        checkAll(answer.results, documents.length);
        return answer;
      };
      const { results, usage } = await ask({ paths: ["/rerank", "../rerank"], body, answer: Scores }, [query], read, signal);
      for (const { index, relevance_score } of results) yield { type: "score", index, score: relevance_score };
      yield { type: "finish", usage: usageOf(usage) };
    },
  };
}

function checkAll(items: readonly { index: number }[], count: number): void {
  const indexes = new Set(items.map(({ index }) => index));
  if (items.length === count && indexes.size === count && items.every(({ index }) => index < count)) return;
  throw new BrokenAnswer(`It has ${indexes.size} answers to ${count} texts.`);
}

/** llama-server does, and whether its model's vectors may be cut it alone could know. */
function ignoresDimensions(length: number, { host }: UpstreamTarget): ServerFailure {
  const what = `makes vectors of ${length} numbers, whatever "dimensions" says. Leave it out`;
  const options = { param: "dimensions", public_message: publicMessageOf(what) };
  return new ServerFailure("request", "request_unsupported", `${host} ${what}.`, options);
}

/** Servers may write base64 whatever they are asked for. */
function toVector(embedding: string | number[]): Float32Array {
  try {
    return typeof embedding === "string" ? decodeVector(embedding) : Float32Array.from(embedding);
  } catch (error) {
    throw new BrokenAnswer((error as Error).message);
  }
}

/** Servers may count all tokens alone, as there are no others. */
function usageOf(usage: v.InferOutput<typeof Usage>) {
  return textUsage(usage?.prompt_tokens ?? usage?.total_tokens ?? 0);
}
