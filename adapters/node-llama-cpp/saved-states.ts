// Whether the conversations of a loaded model can be saved to the disk, and the folder of the states that fit it.
import { createHash } from "node:crypto";
import type { Llama, LlamaContext, LlamaModel } from "node-llama-cpp";
import type { InstalledModel } from "../../models/manifest.ts";
import type { KvCache } from "../load-options.ts";
import { createStateFolder } from "../shared/kv-cache/state-folder.ts";
import { modelDigest } from "../shared/kv-cache/weights-digest.ts";
import type { BatchContext } from "./addon.ts";
import { createSlotStates } from "./slot-states.ts";
import { embeddedStateFormat } from "./state-file.ts";

export interface EmbeddedSavedStatesOptions {
  kv_cache: KvCache;
  /** `modelDigest` from before the load. */
  weights: string;
  installed: InstalledModel;
  batch: number;
  trimmable: boolean;
  llama: Llama;
  model: LlamaModel;
  context: LlamaContext;
}

/** Undefined, with a line on standard error, where states cannot be saved. */
export async function openSavedStates(context: BatchContext, options: EmbeddedSavedStatesOptions) {
  const { kv_cache, weights, installed, trimmable } = options;
  const log = (line: string): void => console.error(`${installed.id}: ${line}`);
  const logNotSaved = (reason: string): undefined => void log(`Conversations are not saved to the disk: ${reason}`);
  // The next request of a conversation nearly always reuses a part of its slot only: the last token of an answer is never fed.
  if (!trimmable) return logNotSaved("this model cannot forget a part of what it has read.");
  if ((await modelDigest(installed)) !== weights) {
    return logNotSaved("the model file was changed while it was loaded.");
  }
  const key = await stateKey(options);
  const folder = createStateFolder(kv_cache, embeddedStateFormat(key));
  await folder.evict();
  return createSlotStates(context, folder, key, log);
}

/** 32 bytes, which change with whatever decides what the cells look like and which numbers stand in them. */
async function stateKey(options: EmbeddedSavedStatesOptions): Promise<Uint8Array> {
  const { weights, batch, llama, model, context } = options;
  const { getModuleVersion } = await import("node-llama-cpp");
  const setup = {
    weights,
    batch,
    release: [await getModuleVersion(), llama.llamaCppRelease, llama.systemInfo],
    gpu: [llama.gpu, model.gpuLayers],
    context: [context.contextSize, context.totalSequences, context.flashAttention],
    cells: [context.kvCacheKeyType, context.kvCacheValueType],
  };
  return createHash("sha256").update(JSON.stringify(setup)).digest();
}
