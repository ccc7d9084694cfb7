// What a model can be asked for, by the header of its weights.
import type { Model, Pooling } from "../manifest.ts";
import type { GgufHeader } from "./header.ts";

type TaskFacts = Pick<Model, "pooling" | "causal" | "output" | "embedding_length" | "matryoshka" | "fill_in">;

/** Architectures that read a text in both directions, or are the encoder of a pair. */
const ENCODER = /(?:^|-)bert(?:-|$)|^(?:eurobert|t5encoder|gemma-embedding|llama-embed)$/i;

/** As `enum llama_pooling_type` of llama.cpp numbers them. */
const POOLINGS: readonly Pooling[] = ["none", "mean", "cls", "last", "rank"];

/** Architectures of llama.cpp whose next token is not the next word of an answer. */
const OUTPUTS: Record<string, NonNullable<Model["output"]>> = {
  dream: "diffusion",
  llada: "diffusion",
  "llada-moe": "diffusion",
  rnd1: "diffusion",
  "wavtokenizer-dec": "sound",
};

export function taskFacts(header: GgufHeader): TaskFacts {
  const { architecture = "", causal, vector_length, fill_in } = header;
  const pooling = poolingOf(header);
  const output = Object.hasOwn(OUTPUTS, architecture) ? OUTPUTS[architecture] : undefined;
  return {
    ...(pooling && { pooling }),
    causal: !(causal === 0 || ENCODER.test(architecture)),
    ...(output && { output }),
    ...(vector_length > 0 && { embedding_length: vector_length }),
    ...(isMatryoshka(header) && { matryoshka: true }),
    fill_in,
  };
}

/** Converters of rerankers wrote no way of pooling for years: there the head says what the model is for. */
function poolingOf({ pooling_type, rank_head }: GgufHeader): Pooling | undefined {
  const pooling = POOLINGS[Number(pooling_type ?? Number.NaN)];
  return rank_head && (pooling ?? "none") === "none" ? "rank" : pooling;
}

/**
 * Families whose makers say that the first numbers of a vector are a vector too. No key of a header says it.
 * https://huggingface.co/Qwen/Qwen3-Embedding-0.6B, https://ai.google.dev/gemma/docs/embeddinggemma,
 * https://huggingface.co/nomic-ai/nomic-embed-text-v1.5, https://huggingface.co/mixedbread-ai/mxbai-embed-large-v1,
 * https://huggingface.co/Snowflake/snowflake-arctic-embed-m-v1.5, https://huggingface.co/jinaai/jina-embeddings-v3
 */
const MATRYOSHKA =
  /qwen3[ _-]embedding|embedding[ _-]?gemma|nomic[ _-]embed[ _-]text[ _-]v(?:1\.5|2)|mxbai[ _-]embed[ _-]large|arctic[ _-]embed[ _-](?:[ml][ _-]v(?:1\.5|2))|jina[ _-]embeddings[ _-]v[345]/i;

function isMatryoshka({ architecture, name = "" }: GgufHeader): boolean {
  return architecture === "gemma-embedding" || MATRYOSHKA.test(name);
}
