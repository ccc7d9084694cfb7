// All loaded models: each is loaded once for all its requests, its slots are lent to one generation at a time, and it is unloaded when it
// was idle for a while or another model needs its memory.
import type { Engine } from "../../adapters/adapter.ts";
import type { Model } from "../../models/manifest.ts";
import { createPoolMetrics } from "./metrics.ts";
import { rowOf, type EngineRow } from "./engine-row.ts";
import { createLoader, type LoaderOptions } from "./load-model.ts";
import { createMemoryBudget, type MemoryBudgetOptions } from "./memory-budget.ts";
import { createLoadBackoffs } from "./load-backoff.ts";
import type { ModelInstance } from "./model-instance.ts";
import { createModelInstances } from "./model-instances.ts";
import { createGeneration, type EngineEvent } from "./generation.ts";
import { later as runtimesLater, unlessAborted, withLoadingEvents, type Later, type LoadingEvent } from "./loading-events.ts";
import { ApiError } from "../http/errors.ts";
import type { GenerationTrace } from "../http/app-env.ts";
import type { Log } from "../support/log/log.ts";

export interface ModelPool {
  /**
   * Uses a slot of a model, which is loaded where it is not, and yields the events of `use`; before them, while the model loads, a
   * `loading` event now and then, the first after five seconds. The slot is free when the iteration is left, however it is left. The
   * signal that `use` gets aborts with the one of the options and at the deadline. `slots`: how many it has, 1 to those of the options; 0 where
   * these say 0: then nothing is waited for but the load, and it counts as no generation.
   *
   * Throws `ApiError` 429 when the queue is full, 504 when it takes too long, 503 when there is too little memory, the error of a load
   * that failed not long ago, `AdapterError`, and what `use` throws.
   */
  run<E extends EngineEvent>(
    model: Model,
    options: RunOptions,
    use: (engine: Engine, signal: AbortSignal, slots: number) => AsyncIterable<E>,
  ): AsyncGenerator<E | LoadingEvent, void>;
  /** Resolves when the model is loaded, and tries also where failed loads are backed off. Throws as `run` does. */
  start(model: Model, options: StartModelOptions, signal: AbortSignal): Promise<void>;
  /** `loading`: also of a model that waits for memory. */
  state(id: string): "stopped" | "loading" | "running";
  /** The models whose engine runs and takes new requests, as their last requests had them. */
  running(): Model[];
  /** All engines, also those that are loading or stopping, by id. */
  list(): EngineRow[];
  /** In Prometheus' text format, of these models: the installed ones. */
  metrics(models: string[]): string;
  /**
   * New requests get a new engine; those that run and wait end on the old one, which is closed then. Resolves when no engine that was
   * there is left. Forgets failures, and what `start` said of pinning.
   */
  unload(id: string): Promise<void>;
  /** Ends what runs, waits and loads on the engine of a model whose file is damaged, with this error, and closes the engine. */
  unloadDamaged(id: string, error: ApiError): void;
  /** No new requests; those that run and wait get `grace_ms` to end, then all engines are closed. */
  close(grace_ms: number): Promise<void>;
}

export interface RunOptions {
  /** Aborts when the client leaves. */
  signal: AbortSignal;
  /** Whose share of the slots is used. Absent: one that all unknown clients have together. */
  client?: string | undefined;
  /** How long the engine stays when nobody uses it, in ms, `Infinity` for ever. Holds until a later request says otherwise. */
  keep_alive?: number | undefined;
  /** Slots that it has use for. It waits for one, unless it wants 0, and gets of the others those that are free when it begins. Absent: one. */
  slots?: number | undefined;
  /** Is filled in with the time to the first token, and the usage. */
  trace?: GenerationTrace | undefined;
}

export interface StartModelOptions extends Pick<RunOptions, "keep_alive"> {
  /** The model is not unloaded for others, nor for being idle; absent: as before. */
  pinned?: boolean | undefined;
}

export interface ModelPoolOptions extends Pick<LoaderOptions, "adapterOf" | "resolve" | "threads" | "context" | "kvCacheOf"> {
  /** Generations at a time, of each model; undefined: as many as memory allows. */
  slots: number | ((model: Model) => number | undefined);
  /** Requests that may wait for a slot of one model. */
  queue: number;
  /** As in `RunOptions`, for engines of which no request has said anything; five minutes where absent. */
  keep_alive?: number | undefined;
  /** How long a generation may take from its arrival to its last token, in ms; absent or `Infinity`: no limit. */
  timeout?: number | undefined;
  /** Ids of models that are pinned from the start. */
  pinned?: string[] | undefined;
  /** Called when a model is loaded. */
  onLoaded?: ((model: Model, engine: Engine) => void) | undefined;
  /** Called when a request begins to use a loaded model, and every few seconds while it does. */
  onUse?: ((model: Model) => void) | undefined;
  /** Called when a load or a use of a model begins; what is returned when it ends. */
  onBusy?: (() => () => void) | undefined;
  /** Absent: everything fits. */
  memory?: MemoryBudgetOptions | undefined;
  log: Log;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Milliseconds that only grow. */
  elapsed?: () => number;
  later?: Later;
}

const KEEP_ALIVE_MS = 300_000;
const USE_EVERY_MS = 5_000;

export function createModelPool(options: ModelPoolOptions): ModelPool {
  const { queue, keep_alive = KEEP_ALIVE_MS, timeout = Number.POSITIVE_INFINITY, pinned = [], log } = options;
  const { now = Date.now, elapsed = () => performance.now(), later = runtimesLater, onBusy = () => () => {} } = options;
  const closing = new AbortController();
  /** What `start` said, over the settings. */
  const pins = new Map<string, boolean>();
  const isPinned = (id: string): boolean => pins.get(id) ?? pinned.includes(id);
  const memory = createMemoryBudget(options.memory?.budget ?? (() => Number.POSITIVE_INFINITY));
  const slotsOf = typeof options.slots === "number" ? () => options.slots as number : options.slots;
  const shared = { memory, closing: closing.signal, log, now };
  const instances = createModelInstances({ ...shared, slotsOf, queue, keep_alive, isPinned, elapsed, later });
  const backoffs = createLoadBackoffs(now);
  const list = (): EngineRow[] => {
    const loaded = instances.all().filter(({ load }) => load !== undefined);
    return loaded.map((instance) => rowOf(instance, memory.bytesOf(instance), now())).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  };
  const metrics = createPoolMetrics(list);
  const loadModel = createLoader({ ...options, ...shared, slotsOf, need: options.memory?.need, backoffs, metrics });

  /** One load for all requests, which outlives the one that began it. */
  const engineOf = (instance: ModelInstance, model: Model): Promise<Engine> => {
    if (instance.load !== undefined) return instance.load;
    const endBusy = onBusy();
    instance.load = loadModel(instance, model)
      .then(
        (engine) => {
          options.onLoaded?.(model, engine);
          return engine;
        },
        (error) => {
          instance.load = undefined;
          throw error;
        },
      )
      .finally(endBusy);
    return instance.load;
  };

  /** Until the function that it answers is called. */
  const noteUse = (model: Model): (() => void) => {
    if (options.onUse === undefined) return () => {};
    options.onUse(model);
    let cancel = later(USE_EVERY_MS, function again() {
      options.onUse!(model);
      cancel = later(USE_EVERY_MS, again);
    });
    return () => cancel();
  };

  return {
    async *run(model, { signal, client = "", keep_alive, slots: most = 1, trace }, use) {
      closing.signal.throwIfAborted();
      const instance = instances.getOrCreate(model);
      const releaseInstance = instance.retain();
      const endBusy = onBusy();
      const generation = createGeneration({
        ...{ model: model.id, signal, timeout, trace, elapsed, later },
        metrics: most > 0 ? metrics : undefined,
      });
      instance.stops.add(generation.stop);
      const slots: (() => void)[] = [];
      const releaseSlots = (): void => slots.forEach((release) => release());
      let endUse = (): void => {};
      try {
        if (most > 0) slots.push(await instance.queue.acquire(generation.signal, client));
        generation.slotAcquired(releaseSlots);
        instance.keep_alive = keep_alive ?? instance.keep_alive;
        const engine = instance.engine ?? (yield* withLoadingEvents(engineOf(instance, model), generation.signal, later));
        generation.modelLoaded();
        // Not before the load, which says how many there are.
        slots.push(...instance.queue.takeFree(client, most - 1));
        endUse = noteUse(model);
        // A loop here, and no `yield*` of a generator that observes: each token would pass two (`bench`, rows `1000 streams of echo`).
        for await (const event of use(engine, generation.signal, slots.length)) {
          generation.observe(event);
          yield event;
        }
        generation.checkFinished();
      } catch (error) {
        throw generation.fail(error);
      } finally {
        releaseSlots();
        endUse();
        instance.stops.delete(generation.stop);
        generation.end();
        releaseInstance();
        endBusy();
      }
    },
    async start(model, { keep_alive, pinned }, signal) {
      closing.signal.throwIfAborted();
      backoffs.of(model.id).skip();
      const instance = instances.getOrCreate(model);
      const releaseInstance = instance.retain();
      try {
        if (instance.engine === undefined) await unlessAborted(engineOf(instance, model), signal);
        instance.keep_alive = keep_alive ?? instance.keep_alive;
        if (pinned !== undefined) pins.set(model.id, pinned);
      } finally {
        releaseInstance();
      }
    },
    state(id) {
      const instance = instances.get(id);
      if (instance?.engine !== undefined) return "running";
      return instance?.load === undefined ? "stopped" : "loading";
    },
    running: () => instances.all().flatMap(({ model, engine, stopping }) => (engine === undefined || stopping ? [] : [model])),
    list,
    metrics: metrics.text,
    async unload(id) {
      pins.delete(id);
      backoffs.forget(id);
      const instance = instances.get(id);
      if (instance !== undefined) instances.retire(instance, "asked");
      await instances.whenUnloaded(id);
    },
    unloadDamaged(id, error) {
      for (const instance of instances.all().filter((each) => each.id === id)) {
        instances.retire(instance, "damaged");
        instance.loadController.abort(error);
        for (const stop of instance.stops) stop(error);
      }
    },
    async close(grace_ms) {
      closing.abort(new ApiError(503, "The server is stopping.", { code: "server_stopping" }));
      await instances.close(grace_ms);
    },
  };
}
