// The graphics cards that the embedded engine computes on, as its library says.
import type { Llama } from "node-llama-cpp";
import type { GraphicsCard } from "../../models/graphics-cards.ts";
import { startLlama, type NodeLlamaCppModule } from "./adapter.ts";

/** As `getVramState` of node-llama-cpp answers, for all devices together; in bytes. */
export interface VideoMemory {
  total: number;
  free: number;
  /** How much of it is a part of the machine's memory. */
  unifiedSize: number;
}

/** Throws what the library throws; a library that does not fit the machine may end the process. */
export async function readGraphicsCards(module: NodeLlamaCppModule): Promise<GraphicsCard[]> {
  const llama = await startLlama(module, 1);
  try {
    return await cardsOf(llama);
  } finally {
    await llama.dispose();
  }
}

export async function cardsOf(llama: Llama): Promise<GraphicsCard[]> {
  return llama.gpu === false ? [] : toCards(await llama.getGpuDeviceNames(), await llama.getVramState());
}

/** The library tells the memory of all together: several are one here, with the names of all. */
export function toCards(names: readonly string[], { total, free, unifiedSize }: VideoMemory): GraphicsCard[] {
  if (names.length === 0 || total === 0) return [];
  // A processor's own graphics beside a card counts as the card's: the library spreads layers over both.
  return [{ name: names.join(", "), total_bytes: total, free_bytes: free, unified: unifiedSize >= total }];
}
