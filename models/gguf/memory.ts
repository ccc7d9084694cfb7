// Whether llama.cpp keeps what a text was read as: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-model.cpp (`create_memory`).
import type { GgufHeader } from "./header.ts";

/** Architectures that compute each text at once, and keep nothing of it. */
const WITHOUT_MEMORY = new Set([
  ...["bert", "jina-bert-v2", "jina-bert-v3", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert", "modern-bert"],
  ...["gemma-embedding", "wavtokenizer-dec", "dream", "llada", "llada-moe", "rnd1"],
]);

export const hasMemory = ({ architecture = "" }: Pick<GgufHeader, "architecture">): boolean => !WITHOUT_MEMORY.has(architecture);
