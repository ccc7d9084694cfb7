// Whether the native library loads on this machine, without a model.
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
