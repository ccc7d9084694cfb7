// Whether a model fits in memory, by the header of its file: for loads, and for the API.
import { stat } from "node:fs/promises";
import { LRUCache } from "lru-cache";
import { CONTEXT_STEP, defaultContext, estimateMemory, estimateRoughly, largestContext } from "../../models/memory-estimate.ts";
import type { ContextLoad, RequestedLoad } from "../../models/memory-estimate.ts";
import { AdapterError } from "../../adapters/adapter.ts";
import { GgufError, type GgufHeader, readGgufFile } from "../../models/gguf/header.ts";
import { whyNoChat } from "../../models/gguf/kind.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import { invalidValue } from "../http/errors.ts";
import { quote } from "../support/quote.ts";
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
  /**
   * For a load, before anything native sees the file. Throws `AdapterError` `model_load_failed`, `ApiError` 400 for a model that cannot
   * chat, and what the disk throws.
   */
  need(model: InstalledModel, load: RequestedLoad): Promise<LoadMemory>;
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

  /** `set`: the context that a user set. */
  const loadOf = ({ header, extra_bytes }: ModelFileFacts, slots: number, set: number | undefined): ContextLoad => {
    const { context_length: trained } = header;
    const largest = (bytes: number): number => largestContext(header, { slots }, bytes, extra_bytes);
    return { slots, context: Math.min(set ?? defaultContext(trained, budget(), largest), trained ?? Infinity) };
  };
  const fitOf = (needed_bytes: number, context: number, largest: (bytes: number) => number): MemoryFit => {
    const available_bytes = budget();
    const fits = needed_bytes <= available_bytes;
    return { needed_bytes, available_bytes, fits, context, largest_context: largest(available_bytes) };
  };

  return {
    facts,
    async need(model, load) {
      const read = await facts(model).catch((error) => {
        if (!(error instanceof GgufError)) throw error;
        throw new AdapterError("model_load_failed", `Model "${model.id}" cannot be loaded: ${error.message}`, { cause: error });
      });
      const { header, extra_bytes } = read;
      assertChats(model.id, header);
      const bounded = loadOf(read, load.slots, load.context);
      return {
        context: bounded.context,
        total: estimateMemory(header, bounded, extra_bytes).total,
        largestContext: (bytes) => largestContext(header, load, bytes, extra_bytes),
      };
    },
    fitOfFile(read, settings) {
      const { header, extra_bytes } = read;
      const load = loadOf(read, slots, context ?? settings.ctx_len);
      const largest = (bytes: number): number => largestContext(header, load, bytes, extra_bytes);
      return fitOf(estimateMemory(header, load, extra_bytes).total, load.context, largest);
    },
    roughFit({ settings, context_length, metadata: { size, token_bytes } }) {
      if (size === undefined || token_bytes === undefined) return undefined;
      const step = slots * CONTEXT_STEP * token_bytes;
      const none = estimateRoughly(size, token_bytes, { slots, context: 0 }).total;
      const largest = (bytes: number): number =>
        Math.min(context_length ?? Infinity, Math.max(0, Math.floor((bytes - none) / step)) * CONTEXT_STEP);
      const set = context ?? settings.ctx_len ?? defaultContext(context_length, budget(), largest);
      const load = { slots, context: Math.min(set, context_length ?? Infinity) };
      return fitOf(estimateRoughly(size, token_bytes, load).total, load.context, largest);
    },
  };
}

/** No `AdapterError`: such a load is not tried again later with more success, so nothing is to be waited for. */
function assertChats(id: string, header: GgufHeader): void {
  const kind = whyNoChat(header);
  if (kind === undefined) return;
  const what = `${quote(id)} is ${kind}${header.architecture ? `, of the architecture ${quote(header.architecture)}` : ""}`;
  throw invalidValue(`${what}: it cannot chat. Choose a model that writes text.`, "model");
}
