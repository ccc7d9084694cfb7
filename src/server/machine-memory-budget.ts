// The memory of this machine for all engines together.
import { availableMemory } from "../../models/machine-memory.ts";
import type { EngineRow } from "../inference/engine-row.ts";

/**
 * Bytes that all engines together may take: `limit`, or what is available and what our engines hold already; but never more than was
 * available when they held nothing, as weights that are mapped from their file count as available on Linux.
 */
export function machineMemoryBudget(limit: number | undefined, list: () => EngineRow[]): () => number {
  let most_available = Number.POSITIVE_INFINITY;
  return () => {
    if (limit !== undefined) return limit;
    const available = availableMemory();
    const rows = list();
    if (rows.every(({ memory_bytes }) => memory_bytes === null)) most_available = available;
    // An engine that still loads has not taken its memory yet.
    const held = rows.reduce((sum, { state, memory_bytes }) => sum + (state === "loading" ? 0 : (memory_bytes ?? 0)), 0);
    return Math.min(most_available, available + held);
  };
}
