// Vectors and scores of other servers: each request goes to one of the model's servers after the other until one answers.
import * as v from "valibot";
import { AdapterError, type Engine } from "../adapter.ts";
import { askAhead } from "../shared/embeddings/ask-ahead.ts";
import { createPartSize } from "../shared/embeddings/part-size.ts";
import { type Part, partsOf } from "../shared/embeddings/parts.ts";
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

type TextOrTokens = string | readonly number[];

interface AnsweredPart {
  vectors: { index: number; vector: Float32Array }[];
  tokens: number;
}

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Usage = v.nullish(v.object({ prompt_tokens: v.nullish(Count), total_tokens: v.nullish(Count) }));
const Vectors = v.object({
  data: v.array(v.object({ index: Count, embedding: v.union([v.array(v.number()), v.string()]) })),
  usage: Usage,
});
const Scores = v.object({ results: v.array(v.object({ index: Count, relevance_score: v.number() })), usage: Usage });

/** Requests for the texts of one client that are on their way: where they go far, each waits for longer than it is computed. */
const AHEAD = 4;
/** Characters of one request: of the first one of an engine, and of any. */
const FIRST_CHARACTERS = 4_096;
const MOST_CHARACTERS = 256 * 1024;
const CHARACTERS_OF_TOKEN = 4;

/** In characters: 2,048 vectors of 4,096 numbers as text. */
const MAX_ANSWER = 256 * 1024 * 1024;

export function createEmbeddingCalls(config: UpstreamConfig, pool: ServerPool, closing: AbortSignal): EmbeddingCalls {
  const { model } = config;
  /** Throws `AdapterError` and the signal's reason. */
  const ask = async <Schema extends v.GenericSchema, Read>(
    call: PromptCall<Schema>,
    texts: readonly TextOrTokens[],
    read: (answer: v.InferOutput<Schema>, target: UpstreamTarget) => Read,
    signal: AbortSignal,
    measured: (answer: () => Promise<v.InferOutput<Schema>>) => Promise<v.InferOutput<Schema>> = (answer) => answer(),
  ): Promise<Read> => {
    const either = AbortSignal.any([signal, closing]);
    const request = {
      ...{ conversation: routedTexts(texts), fields: call.body },
      async *send(...[server, target]: Parameters<Parameters<typeof tryServers>[2]["send"]>) {
        const answer = await measured(() => askServer(config, server, target, { ...call, most: MAX_ANSWER }, either));
        yield read(answer, target);
      },
    };
    for await (const answer of tryServers(config, pool, request, either)) return answer;
    throw new Error("A server was tried without an answer or a failure.");
  };

  const part_size = createPartSize(FIRST_CHARACTERS, MOST_CHARACTERS);
  const askPart = async (
    { texts, index: first, size }: Part<TextOrTokens>,
    dimensions: number | undefined,
    signal: AbortSignal,
  ): Promise<AnsweredPart> => {
    const body = { model, input: texts, encoding_format: "float", ...(dimensions !== undefined && { dimensions }) };
    const read = ({ data, usage }: v.InferOutput<typeof Vectors>, target: UpstreamTarget) => {
      checkAll(data, texts.length);
      const vectors = data.map(({ index, embedding }) => ({ index: first + index, vector: toVector(embedding) }));
      const { length } = vectors[0]!.vector;
      if (dimensions !== undefined && length !== dimensions) throw ignoresDimensions(length, target);
      return { vectors, tokens: tokensOf(usage) };
    };
    try {
      const call = { paths: ["/embeddings"], body, answer: Vectors };
      return await ask(call, texts, read, signal, (answer) => part_size.measure(size, answer));
    } catch (error) {
      throw amongAll(error, first);
    }
  };

  return {
    /** In parts, so that no server goes on for long with texts whose client has left. */
    async *embed({ inputs, dimensions }, signal) {
      let read = 0;
      const parts = partsOf(inputs, sizeOf, part_size);
      for await (const { vectors, tokens } of askAhead(parts, AHEAD, (part, stop) => askPart(part, dimensions, stop), signal)) {
        read += tokens;
        for (const { index, vector } of vectors) yield { type: "embedding", index, vector };
      }
      yield { type: "finish", usage: textUsage(read) };
    },
    /** Whole: there are models that compare the documents with each other. */
    async *rerank({ query, documents }, signal) {
      const body = { model, query, documents, top_n: documents.length, return_documents: false };
      const read = (answer: v.InferOutput<typeof Scores>) => {
        checkAll(answer.results, documents.length);
        return answer;
      };
      const { results, usage } = await ask({ paths: ["/rerank", "../rerank"], body, answer: Scores }, [query], read, signal);
      for (const { index, relevance_score } of results) yield { type: "score", index, score: relevance_score };
      yield { type: "finish", usage: textUsage(tokensOf(usage)) };
    },
  };
}

const sizeOf = (text: TextOrTokens): number => (typeof text === "string" ? text.length : text.length * CHARACTERS_OF_TOKEN);

/** A server counts the texts of its part. */
function amongAll(error: unknown, first: number): unknown {
  if (!(error instanceof AdapterError) || error.param === undefined) return error;
  const { code, message, param, cause, ...options } = error;
  const renumbered = param.replace(/^input\[(\d+)\]/, (_, index) => `input[${first + Number(index)}]`);
  return new AdapterError(code, message, { ...options, param: renumbered, cause });
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
function tokensOf(usage: v.InferOutput<typeof Usage>): number {
  return usage?.prompt_tokens ?? usage?.total_tokens ?? 0;
}
