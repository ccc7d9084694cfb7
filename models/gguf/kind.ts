// What a GGUF file is, where it is no model: https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py (`GGUFType`).
import type { GgufHeader } from "./header.ts";

const NO_MODELS: Record<string, string> = {
  adapter: "an adapter (LoRA), which changes a model",
  lora: "an adapter (LoRA), which changes a model",
  mmproj: "a projector (mmproj), which reads images or sound for a model",
  imatrix: "an importance matrix (imatrix), by which models are quantised",
};

/** The sentence that says what the file is; undefined for a model. */
export function whyNoModel({ type = "", architecture, tensor_count, split }: GgufHeader): string | undefined {
  const kind = architecture === "clip" ? "mmproj" : type.toLowerCase();
  const is_empty = tensor_count === 0 && split === undefined;
  const what = Object.hasOwn(NO_MODELS, kind) ? NO_MODELS[kind] : is_empty ? "a vocabulary without weights" : undefined;
  return what && `The file is ${what}, and no model. Name the file of a model.`;
}

/** Architectures that read a text in both directions, or are the encoder of a pair. */
const ENCODER = /(?:^|-)bert(?:-|$)|^(?:eurobert|t5encoder|gemma-embedding|llama-embed)$/i;
/** `LLAMA_POOLING_TYPE_MEAN`, `_CLS` and `_LAST` of llama.cpp. */
const EMBEDDING: unknown[] = [1, 2, 3];
/** `LLAMA_POOLING_TYPE_RANK`. */
const RANKING = 4;

/** Architectures of llama.cpp whose next token is not the next word of an answer. */
const NO_WRITERS: Record<string, string> = {
  dream: "a model that writes by diffusion",
  llada: "a model that writes by diffusion",
  "llada-moe": "a model that writes by diffusion",
  rnd1: "a model that writes by diffusion",
  "wavtokenizer-dec": "a model that makes sound",
};

/** What the model is for, where it cannot write an answer token by token. */
export function whyNoChat({ architecture = "", causal, pooling_type }: GgufHeader): string | undefined {
  if (Object.hasOwn(NO_WRITERS, architecture)) return NO_WRITERS[architecture];
  if (pooling_type === RANKING) return "a model that ranks texts (a reranker)";
  return ENCODER.test(architecture) || causal === 0 || EMBEDDING.includes(pooling_type) ? "a model for embeddings" : undefined;
}
