// How vectors are made is told to llama.cpp at the load, where the file names no way: chats of the same weights stay as they are.
import type { LlamaModelOptions } from "node-llama-cpp";
import { readGgufFile } from "../../models/gguf/header.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { embeddingPooling } from "../../models/tasks.ts";
import { readModelFile } from "../shared/read-model-file.ts";

/** As `enum llama_pooling_type` numbers them. */
const NUMBERS = { mean: 1, cls: 2, last: 3, rank: 4 };

/** Reads the header of the file where an override is needed: its name begins with the architecture. Throws `AdapterError`. */
export async function poolingOverride(installed: InstalledModel): Promise<Pick<LlamaModelOptions, "metadataOverrides">> {
  const pooling = embeddingPooling(installed);
  if (pooling === installed.pooling) return {};
  const { architecture } = await readModelFile(installed, readGgufFile);
  return architecture === undefined ? {} : { metadataOverrides: { [architecture]: { pooling_type: NUMBERS[pooling] } } as never };
}
