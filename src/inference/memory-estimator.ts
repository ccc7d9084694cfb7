// Whether a model fits in memory, by the header of its file: for loads, and for the API.
import { stat } from "node:fs/promises";
import { LRUCache } from "lru-cache";
import { CONTEXT_STEP, DEFAULT_CONTEXT, estimateMemory, estimateRoughly, largestContext } from "../../models/memory-estimate.ts";
import type { ContextLoad } from "../../models/memory-estimate.ts";
import { AdapterError } from "../../adapters/adapter.ts";
import { GgufError, type GgufHeader, readGgufFile } from "../../models/gguf/header.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import type { LoadMemory } from "./memory-budget.ts";

/** As the API answers it; in bytes, and tokens of one slot. */
export interface MemoryFit {
  needed_bytes: number;
  /** What all models together may take. */
  available_bytes: number;
  fits: boolean;
  /** The context that `needed_bytes` is for. */
  context: number;
  /** The largest context that would fit; 0 for none. */
  largest_context: number;
}

export interface ModelFileFacts {
  header: GgufHeader;
  /** Bytes of further files that are loaded with this one. */
  extra_bytes: number;
}

export interface MemoryEstimatorOptions {
  slots: number;
  /** Tokens a slot holds; absent: what the model's record says. */
  context?: number | undefined;
  /** Bytes that all models together may take. */
  budget: () => number;
}

export interface MemoryEstimator {
  /** Of an installed model. Throws `GgufError`, and what the disk throws. */
  facts(model: InstalledModel): Promise<ModelFileFacts>;
  /** For a load, before anything native sees the file. Throws `AdapterError` `model_load_failed`, and what the disk throws. */
  need(model: InstalledModel, load: ContextLoad): Promise<LoadMemory>;
  fitOfFile(facts: ModelFileFacts, settings: Model["settings"]): MemoryFit;
  /** From the manifest, without its file; undefined where the manifest does not say enough. */
  roughFit(model: Model): MemoryFit | undefined;
}

const MOST_HEADERS = 200;

export function createMemoryEstimator({ slots, context, budget }: MemoryEstimatorOptions): MemoryEstimator {
  // The key changes when another file takes the place of this one.
  const headers = new LRUCache<string, Promise<GgufHeader>>({ max: MOST_HEADERS });

  const facts: MemoryEstimator["facts"] = async ({ path, extra_bytes = 0 }) => {
    const { size, mtimeMs, ino } = await stat(path);
    const key = `${path} ${size} ${mtimeMs} ${ino}`;
    const header = headers.get(key) ?? readGgufFile(path);
    headers.set(key, header);
    return { header: await header, extra_bytes };
  };

  const loadOf = ({ ctx_len }: Model["settings"], trained = Infinity) => ({
    slots,
    context: Math.min(context ?? ctx_len ?? DEFAULT_CONTEXT, trained),
  });
  const fitOf = (needed_bytes: number, context: number, largest: (bytes: number) => number): MemoryFit => {
    const available_bytes = budget();
    const fits = needed_bytes <= available_bytes;
    return { needed_bytes, available_bytes, fits, context, largest_context: largest(available_bytes) };
  };

  return {
    facts,
    async need(model, load) {
      const { header, extra_bytes } = await facts(model).catch((error) => {
        if (!(error instanceof GgufError)) throw error;
        throw new AdapterError("model_load_failed", `Model "${model.id}" cannot be loaded: ${error.message}`, { cause: error });
      });
      const bounded = { slots: load.slots, context: Math.min(load.context, header.context_length ?? load.context) };
      return {
        total: estimateMemory(header, bounded, extra_bytes).total,
        largestContext: (bytes) => largestContext(header, load, bytes, extra_bytes),
      };
    },
    fitOfFile({ header, extra_bytes }, settings) {
      const load = loadOf(settings, header.context_length);
      const largest = (bytes: number): number => largestContext(header, load, bytes, extra_bytes);
      return fitOf(estimateMemory(header, load, extra_bytes).total, load.context, largest);
    },
    roughFit({ settings, context_length, metadata: { size, token_bytes } }) {
      if (size === undefined || token_bytes === undefined) return undefined;
      const load = loadOf(settings, context_length);
      const step = slots * CONTEXT_STEP * token_bytes;
      const none = estimateRoughly(size, token_bytes, { slots, context: 0 }).total;
      const largest = (bytes: number): number =>
        Math.min(context_length ?? Infinity, Math.max(0, Math.floor((bytes - none) / step)) * CONTEXT_STEP);
      return fitOf(estimateRoughly(size, token_bytes, load).total, load.context, largest);
    },
  };
}
