// Whether the native library loads on this machine, without a model.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { startLlama, type NodeLlamaCppModule } from "./adapter.ts";

export interface Probe {
  /** The backend: `cuda`, `vulkan`, `metal`, or `cpu`. */
  on: string;
  /** Names of the devices beside the processor. */
  devices: string[];
}

/** Throws what the library throws; a library that does not fit the machine may end the process. */
export async function probe(module: NodeLlamaCppModule): Promise<Probe> {
  const llama = await startLlama(module, 1);
  const devices = llama.gpu === false ? [] : await llama.getGpuDeviceNames();
  return { on: llama.gpu === false ? "cpu" : llama.gpu, devices };
}

/** The version of the package `node-llama-cpp`; undefined where it is not installed. */
export function packageVersion(): string | undefined {
  try {
    const main = createRequire(import.meta.url).resolve("node-llama-cpp");
    return (JSON.parse(readFileSync(join(main, "../../package.json"), "utf8")) as { version: string }).version;
  } catch {
    return undefined;
  }
}
