// Whether a model fits in memory, by the header of its file: for loads, and for the API.
import { stat } from "node:fs/promises";
import { LRUCache } from "lru-cache";
import { chooseLoad, CONTEXT_STEP, estimateMemory, estimateRoughly, largestContext } from "../../models/memory-estimate.ts";
import type { ContextLoad, ModelSizes, RequestedLoad } from "../../models/memory-estimate.ts";
import { type AdapterOptions, cacheNumberBytes, findContradiction, findMisfit } from "../../models/adapter-options.ts";
import { scaledContext } from "../../models/rope-scaling.ts";
import { AdapterError } from "../../adapters/adapter.ts";
import { GgufError } from "../../models/gguf/cursor.ts";
import type { GgufHeader } from "../../models/gguf/header.ts";
import { taskFacts } from "../../models/gguf/task-facts.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import { describeKind } from "../../models/tasks.ts";
import { invalidValue } from "../http/errors.ts";
import { quote } from "../support/quote.ts";
import type { LoadMemory } from "./memory-budget.ts";

/** As the API answers it; in bytes, and tokens of one slot. */
export interface MemoryFit {
  needed_bytes: number;
  /** What all models together may take. */
  available_bytes: number;
  fits: boolean;
  /** The context and the slots that `needed_bytes` is for: those of a load. */
  context: number;
  slots: number;
  /** The largest context that would fit; 0 for none. */
  largest_context: number;
}

export interface ModelFileFacts {
  header: GgufHeader;
  /** Bytes of further files that are loaded with this one. */
  extra_bytes: number;
  /** Of the model. */
  options?: AdapterOptions | undefined;
}

export interface ExpectedLoad {
  header: GgufHeader;
  /** Tokens of a slot. */
  context: number;
}

export interface MemoryEstimatorOptions {
  /** Generations at a time, of each model; absent: what memory allows. */
  slots?: number | undefined;
  /** Tokens a slot holds; absent: what the model's record says. */
  context?: number | undefined;
  /** Bytes that all models together may take. */
  budget: () => number;
}

export interface MemoryEstimator {
  /** Of an installed model. Throws `GgufError`, and what the disk throws. */
  facts(model: InstalledModel): Promise<ModelFileFacts>;
  /**
   * For a load, before anything native sees the file. Throws `AdapterError` `model_load_failed`, `ApiError` 400 for a model that no request
   * is for, and what the disk throws.
   */
  need(model: InstalledModel, load: RequestedLoad): Promise<LoadMemory>;
  fitOfFile(facts: ModelFileFacts, settings: Model["settings"]): MemoryFit;
  /**
   * The header of an installed model, and the context of a load by it. It may be a second old: lists of models tell it, and a look at the
   * memory of the machine reads several files. Throws as `facts`.
   */
  expectedLoad(model: InstalledModel): Promise<ExpectedLoad>;
  /** From the manifest, without its file; undefined where the manifest does not say enough. */
  roughFit(model: Model): MemoryFit | undefined;
}

const MOST_HEADERS = 200;
const EXPECTED_MS = 1_000;

export function createMemoryEstimator({ slots, context, budget }: MemoryEstimatorOptions): MemoryEstimator {
  // The key changes when another file takes the place of this one.
  const headers = new LRUCache<string, Promise<GgufHeader>>({ max: MOST_HEADERS });

  const facts: MemoryEstimator["facts"] = async ({ path, extra_bytes = 0, adapter_options: options }) => {
    const { size, mtimeMs, ino } = await stat(path);
    const key = `${path} ${size} ${mtimeMs} ${ino}`;
    const header = headers.get(key) ?? readHeader(path);
    headers.set(key, header);
    const changes = await Promise.all((options?.lora ?? []).map(async ({ path }) => (await stat(path)).size));
    return { header: await header, extra_bytes: changes.reduce((a, b) => a + b, extra_bytes), options };
  };

  const expected = new LRUCache<string, Promise<ExpectedLoad>>({ max: MOST_HEADERS, ttl: EXPECTED_MS });
  const expectLoad = async (model: InstalledModel): Promise<ExpectedLoad> => {
    const read = await facts(model);
    return { header: read.header, context: chooseLoad(setBy(model.settings), sizesOf(read), budget()).context };
  };

  const setBy = (settings: Model["settings"]): RequestedLoad => ({ slots, context: context ?? settings.ctx_len });
  const fitOf = (set: RequestedLoad, sizes: ModelSizes): MemoryFit => {
    const available_bytes = budget();
    const load = chooseLoad(set, sizes, available_bytes);
    const needed_bytes = sizes.total(load);
    const fits = needed_bytes <= available_bytes;
    return { needed_bytes, available_bytes, fits, ...load, largest_context: sizes.largest(load.slots, available_bytes) };
  };

  return {
    facts,
    async need(model, load) {
      const read = await facts(model).catch((error) => {
        if (!(error instanceof GgufError)) throw error;
        throw new AdapterError("model_load_failed", `Model "${model.id}" cannot be loaded: ${error.message}`, { cause: error });
      });
      assertRuns(model, read.header);
      assertFits(model.id, read);
      const sizes = sizesOf(read);
      const chosen = chooseLoad(load, sizes, budget());
      const largestContext = (bytes: number): number => sizes.largest(chosen.slots, bytes);
      return { load: chosen, total: sizes.total(chosen), largestContext };
    },
    fitOfFile: (read, settings) => fitOf(setBy(settings), sizesOf(read)),
    expectedLoad(model) {
      const key = JSON.stringify([model.settings.ctx_len, model.adapter_options, model.path]);
      const known = expected.get(key);
      if (known !== undefined) return known;
      const made = expectLoad(model);
      expected.set(key, made);
      // A file that cannot be read now is looked at again with the next answer.
      made.catch(() => expected.delete(key));
      return made;
    },
    roughFit({ settings, adapter_options: options = {}, context_length, metadata: { size, token_bytes: half_floats } }) {
      if (size === undefined || half_floats === undefined) return undefined;
      const { context: trained } = scaledContext({ context_length }, options);
      const token_bytes = half_floats * ((cacheNumberBytes(options.cache_type_k) + cacheNumberBytes(options.cache_type_v)) / 4);
      const total = (load: ContextLoad): number => estimateRoughly(size, token_bytes, load).total;
      const largest = (slots: number, bytes: number): number => {
        const steps = Math.floor((bytes - total({ slots, context: 0 })) / (slots * CONTEXT_STEP * token_bytes));
        return Math.min(trained ?? Infinity, Math.max(0, steps) * CONTEXT_STEP);
      };
      return fitOf(setBy(settings), { trained, total, largest });
    },
  };
}

/** What reads headers is imported with the first. */
async function readHeader(path: string): Promise<GgufHeader> {
  const { readGgufFile } = await import("../../models/gguf/header.ts");
  return readGgufFile(path);
}

const sizesOf = ({ header, extra_bytes, options }: ModelFileFacts): ModelSizes => ({
  trained: scaledContext(header, options).context,
  total: (load) => estimateMemory(header, load, extra_bytes, options).total,
  largest: (slots, bytes) => largestContext(header, { slots }, bytes, extra_bytes, options),
});

/** What the record asks of the engine holds until the record is changed: nothing is to be waited for. */
function assertFits(id: string, { header, options = {} }: ModelFileFacts): void {
  const fault = findContradiction(options) ?? findMisfit(options, header);
  if (fault === undefined) return;
  const message = `Model "${id}" cannot be loaded: its option "${fault.option}" cannot be used: ${fault.message}`;
  throw new AdapterError("model_load_failed", message, { lasting: true });
}

/** No `AdapterError`: such a load is not tried again later with more success, so nothing is to be waited for. */
function assertRuns({ id }: InstalledModel, header: GgufHeader): void {
  const facts = taskFacts(header);
  if (facts.output === undefined) return;
  const what = `${quote(id)} is ${describeKind(facts)}${header.architecture ? `, of the architecture ${quote(header.architecture)}` : ""}`;
  throw invalidValue(`${what}: ingle does not run it. Choose a model that writes text, embeds or ranks.`, "model");
}
