// Whether the states of a model's conversations are kept on the disk, and where those are that fit what is loaded.
import type { Llama, LlamaContext, LlamaModel } from "node-llama-cpp";
import type { InstalledModel } from "../../models/manifest.ts";
import type { KvCache } from "../adapter.ts";
import { createStateFolder } from "../shared/kv-cache/state-folder.ts";
import { weightsDigest } from "../shared/kv-cache/weights-digest.ts";
import type { AddonContext } from "./addon.ts";
import { createSlotStates, type EmbeddedSlotStates } from "./slot-states.ts";
import { embeddedStateFormat } from "./state-file.ts";
import { stateKey } from "./state-key.ts";

export interface EmbeddedSavedStatesOptions {
  installed: InstalledModel;
  batch: number;
  trimmable: boolean;
  llama: Llama;
  model: LlamaModel;
  context: LlamaContext;
}

export interface Place extends KvCache {
  /** `weightsDigest` from before the load. */
  weights: string;
}

/** Undefined, with a line on standard error, where states cannot be kept. */
export async function openSavedStates(
  context: AddonContext,
  place: Place,
  loaded: EmbeddedSavedStatesOptions,
): Promise<EmbeddedSlotStates | undefined> {
  const { installed, batch, trimmable } = loaded;
  const log = (line: string): void => console.error(`${installed.id}: ${line}`);
  if (!trimmable) {
    // A slot goes on from a part of what it holds, nearly always: an answer is never fed to its end.
    log("Conversations are not kept on the disk: this model cannot forget a part of what it has read.");
    return undefined;
  }
  if ((await weightsDigest(installed.path)) !== place.weights) {
    log("Conversations are not kept on the disk: the model file was changed amid its load.");
    return undefined;
  }
  const key = await stateKey(place.weights, batch, loaded);
  const folder = createStateFolder(place, embeddedStateFormat(key));
  await folder.evict();
  return createSlotStates(context, folder, key, log);
}
