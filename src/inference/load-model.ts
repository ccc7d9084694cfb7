// One load, from the record of a model to its engine: is it resting, is there memory, and what becomes of the engine that dies.
import { AdapterError, type Adapter, type Engine, type KvCache } from "../../adapters/adapter.ts";
import { DEFAULT_CONTEXT } from "../../models/memory-estimate.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import type { PoolMetrics } from "./metrics.ts";
import type { MemoryBudget, MemoryBudgetOptions } from "./memory-budget.ts";
import type { LoadBackoffs } from "./load-backoff.ts";
import type { ModelInstance } from "./model-instance.ts";
import type { Log } from "../support/log.ts";

export interface LoaderOptions {
  /** What runs a model. */
  adapterOf(model: Model): Adapter;
  /** Where the files of a model are; throws where they are not. */
  resolve(model: Model): Promise<InstalledModel> | InstalledModel;
  threads?: number | undefined;
  /** Tokens a slot holds; absent: what the model's record says. */
  context?: number | undefined;
  /** Where the state of its idle conversations is kept; absent: nowhere. */
  kvCacheOf?: ((model: Model) => KvCache) | undefined;
  need?: MemoryBudgetOptions["need"] | undefined;
  memory: MemoryBudget;
  backoffs: LoadBackoffs;
  metrics: PoolMetrics;
  /** Ends every load. */
  closing: AbortSignal;
  log: Log;
  now: () => number;
}

/** Loads into a room. Throws `ApiError` 503 while the model rests or finds no memory, and `AdapterError`. */
export function createLoader(options: LoaderOptions): (room: ModelInstance, model: Model) => Promise<Engine> {
  const { adapterOf, resolve, threads, kvCacheOf, need, memory, backoffs: rests, metrics: counts, closing, log, now } = options;

  const lost = (id: string, { message }: AdapterError): void => log.error("engine lost", { model: id, reason: message });

  const start = async (
    room: ModelInstance,
    model: Model,
    installed: InstalledModel,
    context: number,
    signal: AbortSignal,
  ): Promise<Engine> => {
    const started = now();
    const adapter = adapterOf(model);
    room.engine = await adapter.load(
      installed,
      { slots: room.slots.count, context, threads, kv_cache: kvCacheOf?.(model) },
      signal,
    );
    const { context_length, slots: has } = room.engine;
    log.info("model loaded", {
      model: model.id,
      adapter: adapter.name,
      ms: now() - started,
      context: context_length,
      slots: has,
    });
    return room.engine;
  };

  /** Until the engine is gone. */
  const watch = async (room: ModelInstance, { closed }: Engine, path: string): Promise<void> => {
    const death = await closed;
    room.engine = undefined;
    room.load = undefined;
    memory.release(room);
    if (death === undefined) return;
    counts.died(room.id);
    lost(room.id, death);
    rests.of(room.id).engineDied(death, path);
  };

  return async (room, model) => {
    const signal = AbortSignal.any([closing, room.loadController.signal]);
    const installed = await resolve(model);
    await rests.of(model.id).throwIfActive(installed.path);
    const context = options.context ?? model.settings.ctx_len ?? DEFAULT_CONTEXT;
    try {
      const needed = await need?.(installed, { slots: room.slots.count, context });
      if (needed !== undefined) await memory.reserve(room, needed, signal);
      const engine = await start(room, model, installed, context, signal);
      counts.loaded(model.id, "");
      rests.of(model.id).loadSucceeded();
      void watch(room, engine, installed.path);
      memory.update();
      return engine;
    } catch (error) {
      memory.release(room);
      if (error instanceof AdapterError && !signal.aborted) {
        counts.loaded(model.id, error.code);
        lost(model.id, error);
        rests.of(model.id).loadFailed(error, installed.path);
      }
      throw error;
    }
  };
}
