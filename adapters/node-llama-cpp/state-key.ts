// What a state on the disk must have been made with: these very weights, this very engine, this very setup of it.
import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import type { Llama, LlamaContext, LlamaModel } from "node-llama-cpp";

/** The start of a file with its metadata: a header of another model differs there. */
const START = 1024 * 1024;

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

/**
 * Changes with the weights: of each part its length, its times, which no write leaves alone, and its start. A digest of it all
 * would take a load's time again. Throws what the disk throws.
 */
export async function weightsDigest(path: string): Promise<string> {
  const sum = createHash("sha256");
  for (const part of partsOf(path)) {
    const { size, mtimeNs, ctimeNs } = await stat(part, { bigint: true });
    sum.update(JSON.stringify([size, mtimeNs, ctimeNs].map(String))).update(await startOf(part));
  }
  return sum.digest("hex");
}

/** A model in parts is named by its first one, `…-00001-of-00003.gguf`. */
function partsOf(path: string): string[] {
  const [, base, count] = /^(.*)-00001-of-(\d{5})\.gguf$/s.exec(path) ?? [];
  if (base === undefined) return [path];
  return Array.from({ length: Number(count) }, (_, i) => `${base}-${String(i + 1).padStart(5, "0")}-of-${count}.gguf`);
}

async function startOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(START);
    const { bytesRead } = await file.read(bytes, 0, START, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
