// Model -> engine: loaded once however many ask, its slots lent one turn at a time, unloaded when nobody used it for a while or
// another model needs its memory, loaded again after a crash. Its parts: rooms.ts and room.ts (where turns go, and
// how engines end), slots.ts and clients.ts (the queue), turn.ts (one turn), load.ts (one load), memory.ts (who goes for
// whom), rest.ts (after failures), wait.ts (signs of life), list.ts and counts.ts (what is shown of it all).
import type { ChatEvent, ChatRequest, Engine } from "../../adapters/adapter.ts";
import type { Model } from "../../models/manifest.ts";
import { createPoolMetrics } from "./metrics.ts";
import { rowOf, type EngineRow } from "./engine-row.ts";
import { createLoader, type LoaderOptions } from "./load-model.ts";
import { createMemoryBudget, type MemoryBudgetOptions } from "./memory-budget.ts";
import { createLoadBackoffs } from "./load-backoff.ts";
import type { ModelInstance } from "./model-instance.ts";
import { createModelInstances } from "./model-instances.ts";
import { createGeneration } from "./generation.ts";
import { later as runtimesLater, withLoadingEvents, unlessAborted, type Later, type LoadingEvent } from "./loading-events.ts";
import { ApiError } from "../http/errors.ts";
import type { Log } from "../support/log.ts";

export interface ModelPool {
  /**
   * One turn of a model; while that is loaded, a `loading` event now and then, the first after five seconds. Throws `ApiError` 429
   * when the queue is full, 504 when it takes too long, 503 when there is too little memory, the error of a load that failed not long ago, and `AdapterError`.
   */
  chat(model: Model, request: ChatRequest, signal: AbortSignal, options?: RunOptions): AsyncIterable<ChatEvent | LoadingEvent>;
  /** Resolves when the model is loaded, also after failures that others are still told of. Throws as `chat` does. */
  start(model: Model, options: StartOptions, signal: AbortSignal): Promise<void>;
  /** Of a model that waits for memory: `loading`. */
  state(id: string): "stopped" | "loading" | "running";
  /** All engines, those that load and those that end their last turns too, by id. */
  list(): EngineRow[];
  /** What was counted, in Prometheus' text format, of these models: the installed ones. */
  metrics(models: string[]): string;
  /**
   * New turns get a new engine; those that run and wait end on the old one, which is closed then. Resolves when no engine that was
   * there is left. Forgets failures, and what `start` said of pinning.
   */
  unload(id: string): Promise<void>;
  /** No new turns; those that run and wait get `grace_ms` to end, then all engines are closed. */
  close(grace_ms: number): Promise<void>;
}

export interface RunOptions {
  /** In ms, `Infinity` for ever: how long the engine stays when nobody uses it. Counts until the next request that says so. */
  keep_alive?: number | undefined;
  /** Who asks: each gets its share of the slots. Absent: the same as all others of whom nothing is known. */
  client?: string | undefined;
}

export interface StartOptions extends Omit<RunOptions, "client"> {
  /** It is never to make room for others, nor to go for being idle; absent: as before. */
  pinned?: boolean | undefined;
}

/** Beside what every load is given. */
export interface ModelPoolOptions extends Pick<LoaderOptions, "adapterOf" | "resolve" | "threads" | "context" | "kvCacheOf"> {
  /** Turns at a time of each model. */
  slots: number | ((model: Model) => number);
  /** Turns that may wait for a slot of one model. */
  queue: number;
  /** As in `ChatOptions`, for engines of which no request has said anything; five minutes unless told. */
  keep_alive?: number | undefined;
  /** In ms, `Infinity` for none: how long a turn may take, from its arrival to its last token. None unless told. */
  timeout?: number | undefined;
  /** Ids of models that are pinned from the start. */
  pinned?: string[] | undefined;
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

export function createModelPool(options: ModelPoolOptions): ModelPool {
  const { queue, keep_alive = KEEP_ALIVE_MS, timeout = Number.POSITIVE_INFINITY, pinned = [], log } = options;
  const { now = Date.now, elapsed = () => performance.now(), later = runtimesLater } = options;
  const closing = new AbortController();
  /** What `start` said, over the settings. */
  const pins = new Map<string, boolean>();
  const isPinned = (id: string): boolean => pins.get(id) ?? pinned.includes(id);
  const memory = createMemoryBudget(options.memory?.budget ?? (() => Number.POSITIVE_INFINITY));
  const slots = typeof options.slots === "number" ? () => options.slots as number : options.slots;
  const instances = createModelInstances({
    slots,
    queue,
    keep_alive,
    isPinned,
    memory,
    closing: closing.signal,
    log,
    now,
    elapsed,
    later,
  });
  const backoffs = createLoadBackoffs(now);
  const list = (): EngineRow[] => {
    const loaded = instances.all().filter(({ load }) => load !== undefined);
    return loaded.map((room) => rowOf(room, memory.bytesOf(room), now())).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  };
  const metrics = createPoolMetrics(list);
  const load = createLoader({
    ...options,
    need: options.memory?.need,
    memory,
    backoffs: backoffs,
    metrics: metrics,
    closing: closing.signal,
    now,
  });

  /** One load for all who ask. It outlives the one who asked first. */
  const engineOf = (room: ModelInstance, model: Model): Promise<Engine> => {
    room.load ??= load(room, model).catch((error) => {
      room.load = undefined;
      throw error;
    });
    return room.load;
  };

  return {
    async *chat(model, request, signal, { keep_alive, client = "" } = {}) {
      closing.signal.throwIfAborted();
      const room = instances.getOrCreate(model);
      const leave = room.retain();
      const turn = createGeneration({ model: model.id, signal, timeout, counts: metrics, elapsed, later });
      let giveBack = (): void => {};
      try {
        giveBack = await room.slots.acquire(turn.signal, client);
        turn.slotAcquired(giveBack);
        room.keep_alive = keep_alive ?? room.keep_alive;
        const engine = room.engine ?? (yield* withLoadingEvents(engineOf(room, model), turn.signal, later));
        turn.modelLoaded();
        // No generator of its own between the two: it would cost every token half as much again.
        for await (const event of engine.chat(request, turn.signal)) {
          turn.observe(event);
          yield event;
        }
      } catch (error) {
        throw turn.failed(error);
      } finally {
        giveBack();
        turn.end();
        leave();
      }
    },
    async start(model, { keep_alive, pinned }, signal) {
      closing.signal.throwIfAborted();
      backoffs.of(model.id).skip();
      const room = instances.getOrCreate(model);
      const leave = room.retain();
      try {
        if (room.engine === undefined) await unlessAborted(engineOf(room, model), signal);
        room.keep_alive = keep_alive ?? room.keep_alive;
        if (pinned !== undefined) pins.set(model.id, pinned);
      } finally {
        leave();
      }
    },
    state(id) {
      const room = instances.get(id);
      if (room?.engine !== undefined) return "running";
      return room?.load === undefined ? "stopped" : "loading";
    },
    list,
    metrics: metrics.text,
    async unload(id) {
      pins.delete(id);
      backoffs.forget(id);
      const room = instances.get(id);
      if (room !== undefined) instances.retire(room, "asked");
      await instances.whenUnloaded(id);
    },
    async close(grace_ms) {
      closing.abort(new ApiError(503, "The server is stopping.", { code: "server_stopping" }));
      await instances.close(grace_ms);
    },
  };
}
