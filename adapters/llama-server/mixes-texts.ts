import { hasMemory } from "../../models/gguf/memory.ts";
import type { GgufHeader } from "../../models/gguf/header.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { embeddingPooling } from "../../models/tasks.ts";

/**
 * Whether texts that are computed together have wrong vectors. Where llama.cpp keeps what it has read, it cuts them to the length of the shortest
 * and makes a vector of each piece by itself: `split_equal` of https://github.com/ggml-org/llama.cpp/blob/master/src/llama-batch.cpp. The last
 * token of a text has seen all pieces, so that its vector is right.
 */
export const mixesTexts = (header: Pick<GgufHeader, "architecture">, model: Pick<InstalledModel, "pooling">): boolean =>
  hasMemory(header) && embeddingPooling(model) !== "last";
