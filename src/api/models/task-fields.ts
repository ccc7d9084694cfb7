// What a model can be asked for, on the wire.
import type { Capability } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import { embeddingPooling, tasksOf } from "../../../models/tasks.ts";

/** `chat`: what its engine can do beside plain chat. */
export function taskFields(model: Model, chat: readonly Capability[]) {
  const tasks = tasksOf(model);
  const writes = tasks.includes("chat");
  const embeds = tasks.includes("embeddings") && model.files.length > 0;
  return {
    capabilities: [...tasks, ...(writes && model.fill_in ? ["infill"] : []), ...(writes ? chat : [])],
    ...(embeds && { pooling: embeddingPooling(model), embedding_length: model.embedding_length ?? null }),
  };
}
