// The options of a model's record as node-llama-cpp takes them. What is left out has its own default there.
import type { LlamaContextOptions, LlamaModelOptions } from "node-llama-cpp";
import { type AdapterOptions, cacheTypeNumber } from "../../models/adapter-options.ts";
import { readGgufFile } from "../../models/gguf/header.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { embeddingPooling } from "../../models/tasks.ts";
import type { LoadOptions } from "../load-options.ts";
import { type MetadataOverride, metadataOverrides } from "../shared/metadata-overrides.ts";
import { readModelFile } from "../shared/read-model-file.ts";

/** As `enum llama_pooling_type` numbers them. */
const POOLING_NUMBERS = { mean: 1, cls: 2, last: 3, rank: 4 };

/** Reads the header of the model where an option needs it: names of keys begin with the architecture. Throws what `readModelFile` throws. */
export async function modelOptions(
  model: InstalledModel,
  load: Pick<LoadOptions, "gpu_layers">,
): Promise<Partial<LlamaModelOptions>> {
  const { adapter_options = {} } = model;
  const { gpu_layers, rope_scaling, rope_freq_base } = adapter_options;
  // The library counts what fits by itself, beside a context of its own choice: not beside that of all slots.
  const most = load.gpu_layers === undefined ? {} : { gpuLayers: { max: load.gpu_layers } };
  const layers = gpu_layers === undefined ? most : { gpuLayers: gpu_layers };
  const pooling = embeddingPooling(model);
  if (pooling === model.pooling && rope_scaling === undefined && rope_freq_base === undefined) return layers;
  const header = await readModelFile(model, readGgufFile);
  if (header.architecture === undefined) return layers;
  const overrides = metadataOverrides(header, adapter_options);
  // How vectors are made is told here where the file names no way, or another: chats of the same weights stay as they are.
  if (pooling !== model.pooling)
    overrides.push({ key: `${header.architecture}.pooling_type`, type: "int", value: POOLING_NUMBERS[pooling] });
  return { ...layers, metadataOverrides: toTree(overrides) };
}

export function contextOptions(options: AdapterOptions = {}): Partial<LlamaContextOptions> {
  const { cache_type_k, cache_type_v, flash_attention, lora } = options;
  return {
    ...(cache_type_k && { experimentalKvCacheKeyType: cacheTypeNumber(cache_type_k) }),
    ...(cache_type_v && { experimentalKvCacheValueType: cacheTypeNumber(cache_type_v) }),
    ...(flash_attention !== undefined && { flashAttention: flash_attention }),
    ...(lora && { lora: { adapters: lora.map(({ path, scale = 1 }) => ({ filePath: path, scale })) } }),
  };
}

type Tree = { [key: string]: Tree | string | number };

function toTree(overrides: MetadataOverride[]): LlamaModelOptions["metadataOverrides"] {
  const tree: Tree = {};
  for (const { key, type, value } of overrides) {
    const names = key.split(".");
    const last = names.pop()!;
    const branch = names.reduce((above, name) => (above[name] ??= {}) as Tree, tree);
    branch[last] = type === "float" ? asFraction(value as number) : value;
  }
  return tree as LlamaModelOptions["metadataOverrides"];
}

// node-llama-cpp gives llama.cpp a whole number as an integer, which is passed over for a key that holds a float. As a float of 32 bits, which
// the key holds, this is the whole number again.
const asFraction = (value: number): number => (Number.isInteger(value) ? value * (1 + 2 ** -40) : value);
