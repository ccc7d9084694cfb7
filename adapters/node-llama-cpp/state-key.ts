// What a state on the disk must have been made with: these very weights, this very engine, this very setup of it.
import { createHash } from "node:crypto";
import type { Llama, LlamaContext, LlamaModel } from "node-llama-cpp";

/** 32 bytes: `weights` from `weightsDigest`, and whatever else decides what the cells look like and which numbers stand in them. */
export async function stateKey(
  weights: string,
  batch: number,
  loaded: { llama: Llama; model: LlamaModel; context: LlamaContext },
): Promise<Uint8Array> {
  const { llama, model, context } = loaded;
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
