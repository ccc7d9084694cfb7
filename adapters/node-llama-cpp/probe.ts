// Whether the native library loads on this machine, without a model.
import type { GraphicsCard } from "../../models/graphics-cards.ts";
import { startLlama, type NodeLlamaCppModule } from "./adapter.ts";
import { cardsOf } from "./graphics-cards.ts";

export interface Probe {
  /** The backend: `cuda`, `vulkan`, `metal`, or `cpu`. */
  on: string;
  /** The devices beside the processor. */
  cards: GraphicsCard[];
}

/** Throws what the library throws; a library that does not fit the machine may end the process. */
export async function probe(module: NodeLlamaCppModule): Promise<Probe> {
  const llama = await startLlama(module, 1);
  return { on: llama.gpu === false ? "cpu" : llama.gpu, cards: await cardsOf(llama) };
}
