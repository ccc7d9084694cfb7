// One load, from the record of a model to its engine: back-off, memory, the adapter, and the watch over the engine's end.
import { AdapterError, type Adapter, type Engine } from "../../adapters/adapter.ts";
import type { KvCache, LoadOptions } from "../../adapters/load-options.ts";
import { DEFAULT_CONTEXT, MOST_DEFAULT_SLOTS, type ContextLoad } from "../../models/memory-estimate.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import type { PoolMetrics } from "./metrics.ts";
import type { MemoryBudget, MemoryBudgetOptions } from "./memory-budget.ts";
import type { LoadBackoffs } from "./load-backoff.ts";
import type { ModelInstance } from "./model-instance.ts";
import type { Log } from "../support/log/log.ts";
import { shellWords } from "../support/shell-words.ts";

export interface LoaderOptions {
  adapterOf(model: Model): Adapter;
  /** Finds the files of a model; throws where they are missing. */
  resolve(model: Model): Promise<InstalledModel> | InstalledModel;
  /** Generations of a model at a time; undefined: as many as memory allows. */
  slotsOf(model: Model): number | undefined;
  threads?: number | undefined;
  /** Tokens a slot holds; absent: what the model's record says. */
  context?: number | undefined;
  /** Where the saved states of idle conversations go; absent: nowhere. */
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

/** Loads into an instance. Throws `ApiError` 503 while the model backs off or finds no memory, and `AdapterError`. */
export function createLoader(options: LoaderOptions) {
  const { adapterOf, resolve, slotsOf, threads, kvCacheOf, need, memory, backoffs, metrics, closing, log, now } = options;

  const loadEngine = async (
    instance: ModelInstance,
    model: Model,
    installed: InstalledModel,
    load: ContextLoad & Pick<LoadOptions, "memory" | "gpu_layers">,
    signal: AbortSignal,
  ): Promise<Engine> => {
    const started = now();
    const adapter = adapterOf(model);
    refuseUnknownOptions(adapter, model);
    const engine = await adapter.load(installed, { ...load, threads, kv_cache: kvCacheOf?.(model) }, signal);
    const { context_length, slots } = engine;
    // An adapter that chooses among others knows by now which one it is.
    instance.adapter = adapter.name;
    log.info("model loaded", { model: model.id, adapter: instance.adapter, ms: now() - started, context: context_length, slots });
    return engine;
  };

  /** Runs until the engine is gone. */
  const watchEngine = async (instance: ModelInstance, { closed }: Engine, path: string): Promise<void> => {
    const death = await closed;
    instance.engine = undefined;
    instance.adapter = undefined;
    instance.load = undefined;
    instance.card_bytes = 0;
    instance.queue.unsettle();
    memory.release(instance);
    if (death === undefined) return;
    metrics.engineDied(instance.id);
    logLost(instance.id, death);
    backoffs.of(instance.id).engineDied(death, path);
  };

  const logLost = (id: string, { message }: AdapterError): void => log.error("engine lost", { model: id, reason: message });

  return async function loadModel(instance: ModelInstance, model: Model): Promise<Engine> {
    const signal = AbortSignal.any([closing, instance.loadController.signal]);
    const installed = await resolve(model);
    await backoffs.of(model.id).throwIfActive(installed.path);
    const set = { slots: slotsOf(model), context: options.context ?? model.settings.ctx_len };
    try {
      const needed = await need?.(installed, set, model);
      // What other servers hold is for them to say.
      const usual = model.upstream === undefined ? DEFAULT_CONTEXT : Number.POSITIVE_INFINITY;
      const { slots = MOST_DEFAULT_SLOTS, context = usual } = needed?.load ?? set;
      const { total = 0, card_bytes = 0, gpu_layers } = needed ?? {};
      const load = { slots, context, gpu_layers };
      if (needed !== undefined) await memory.reserve(instance, needed, signal);
      instance.card_bytes = card_bytes;
      // Drivers may map what lies on a card.
      const most = needed && total + card_bytes;
      instance.engine = await loadEngine(instance, model, installed, { ...load, memory: most }, signal);
      instance.queue.settle(slots);
      metrics.loadEnded(model.id, "");
      backoffs.of(model.id).loadSucceeded();
      void watchEngine(instance, instance.engine, installed.path);
      memory.update();
      return instance.engine;
    } catch (error) {
      instance.card_bytes = 0;
      memory.release(instance);
      // An adapter may call a load that was given up a failed one.
      signal.throwIfAborted();
      if (error instanceof AdapterError) {
        metrics.loadEnded(model.id, error.code);
        logLost(model.id, error);
        backoffs.of(model.id).loadFailed(error, installed.path);
      }
      throw error;
    }
  };
}

/** The server, or the record, may have named another adapter since the options were set. */
function refuseUnknownOptions({ name, options = [] }: Adapter, { id, adapter_options = {} }: Model): void {
  const unknown = Object.keys(adapter_options).find((option) => !(options as string[]).includes(option));
  if (unknown === undefined) return;
  const away = `ingle ${shellWords(["set", id, `--${unknown.replaceAll("_", "-")}`, "default"])}`;
  const message = `Model "${id}" cannot be loaded: the adapter ${name} has no option "${unknown}". Take it away with "${away}".`;
  throw new AdapterError("model_load_failed", message, { lasting: true });
}
