// Model -> engine: loaded once however many ask, its slots lent one turn at a time, loaded again after a crash.
import { AdapterError, type Adapter, type ChatEvent, type ChatRequest, type Engine } from "../adapters/adapter.ts";
import type { InstalledModel, Model } from "../models/model.ts";
import { createSlots, type Slots } from "./engines-slots.ts";
import { ApiError } from "./errors.ts";
import type { Log } from "./log.ts";

export interface Engines {
  /** One turn of a model. Throws `ApiError` 429 when the queue is full, 503 when the model is set aside, and `AdapterError`. */
  chat(model: Model, request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
  state(id: string): "stopped" | "loading" | "running";
  /**
   * New turns get a new engine; those that run and wait end on the old one, which is closed then. Resolves when no engine that was
   * there is left.
   */
  unload(id: string): Promise<void>;
  /** No new turns; those that run and wait get `grace_ms` to end, then all engines are closed. */
  close(grace_ms: number): Promise<void>;
}

export interface EnginesOptions {
  adapter: Adapter;
  /** Where the files of a model are; throws where they are not. */
  resolve(model: Model): Promise<InstalledModel> | InstalledModel;
  slots: number;
  /** Turns that may wait for a slot of one model. */
  queue: number;
  threads?: number | undefined;
  /** Tokens a slot holds; absent: what the model's record says. */
  context?: number | undefined;
  log: Log;
  now?: () => number;
}

const DEFAULT_CONTEXT = 4096;
// A model whose engine died this often in this time (ms) is set aside until the first of these deaths is so long ago.
const DEATHS = 3;
const DEATHS_WITHIN = 60_000;

interface Room {
  id: string;
  slots: Slots;
  loading: Promise<Engine> | undefined;
  engine: Engine | undefined;
  /** Gives up a load. */
  stop: AbortController;
  deaths: { at: number; reason: string }[];
}

export function createEngines(options: EnginesOptions): Engines {
  const { adapter, resolve, slots, queue, log, now = Date.now } = options;
  const rooms = new Map<string, Room>();
  /** Rooms that nobody enters any more, each until its engine is closed. */
  const leaving = new Map<Room, Promise<void>>();
  const closing = new AbortController();

  const roomOf = (id: string): Room => {
    const room = rooms.get(id) ?? newRoom(id, createSlots(id, slots, queue));
    rooms.set(id, room);
    return room;
  };

  return {
    async *chat(model, request, signal) {
      closing.signal.throwIfAborted();
      const room = roomOf(model.id);
      await room.slots.enter(signal);
      try {
        const engine = room.engine ?? (await unlessAborted(engineOf(room, model), signal));
        yield* engine.chat(request, signal);
      } finally {
        room.slots.leave();
      }
    },
    state(id) {
      const room = rooms.get(id);
      if (room?.engine !== undefined) return "running";
      return room?.loading === undefined ? "stopped" : "loading";
    },
    async unload(id) {
      const room = rooms.get(id);
      rooms.delete(id);
      if (room !== undefined) leaving.set(room, vacate(room));
      await Promise.all([...leaving].map(([{ id: other }, gone]) => (other === id ? gone : undefined)));
    },
    async close(grace_ms) {
      closing.abort(new ApiError(503, "The server is stopping.", { code: "server_stopping" }));
      const all = [...rooms.values(), ...leaving.keys()];
      await Promise.race([idle(all), new Promise((done) => setTimeout(done, grace_ms))]);
      await Promise.all(all.map(shut));
    },
  };

  async function idle(some: Room[]): Promise<void> {
    while (some.some(({ slots }) => slots.busy > 0)) await new Promise((done) => setTimeout(done, 10));
  }

  async function vacate(room: Room): Promise<void> {
    await idle([room]);
    room.stop.abort(new ApiError(503, `Model "${room.id}" was unloaded.`, { code: "engine_unavailable", param: "model" }));
    await shut(room);
    leaving.delete(room);
  }

  async function shut({ loading }: Room): Promise<void> {
    await loading?.then((engine) => engine.close()).catch(() => {});
  }

  /** One load for all who ask. It outlives the one who asked first. */
  function engineOf(room: Room, model: Model): Promise<Engine> {
    room.loading ??= load(room, model).catch((error) => {
      room.loading = undefined;
      throw error;
    });
    return room.loading;
  }

  async function load(room: Room, model: Model): Promise<Engine> {
    refuseIfSetAside(room, model.id);
    const context = options.context ?? model.settings.ctx_len ?? DEFAULT_CONTEXT;
    const started = now();
    const signal = AbortSignal.any([closing.signal, room.stop.signal]);
    try {
      const installed = await resolve(model);
      const engine = await adapter.load(installed, { slots, context, threads: options.threads }, signal);
      log.info("model loaded", { model: model.id, ms: now() - started, context: engine.context_length, slots: engine.slots });
      room.engine = engine;
      void engine.closed.then((death) => bury(room, model.id, death));
      return engine;
    } catch (error) {
      if (error instanceof AdapterError && !signal.aborted) mourn(room, model.id, error);
      throw error;
    }
  }

  function bury(room: Room, id: string, death: AdapterError | undefined): void {
    room.engine = undefined;
    room.loading = undefined;
    if (death !== undefined) mourn(room, id, death);
  }

  function mourn(room: Room, id: string, { message }: AdapterError): void {
    log.error("engine lost", { model: id, reason: message });
    room.deaths = [...room.deaths, { at: now(), reason: message }].slice(-DEATHS);
  }

  function refuseIfSetAside({ deaths }: Room, id: string): void {
    const wait = deaths.length < DEATHS ? 0 : deaths[0]!.at + DEATHS_WITHIN - now();
    if (wait <= 0) return;
    const seconds = Math.ceil(wait / 1000);
    const reason = deaths.at(-1)!.reason;
    throw new ApiError(503, `Model "${id}" failed ${DEATHS} times and rests for ${seconds} s. The last reason: ${reason}`, {
      code: "engine_unavailable",
      param: "model",
      headers: { "retry-after": String(seconds) },
    });
  }
}

function newRoom(id: string, slots: Slots): Room {
  return { id, slots, loading: undefined, engine: undefined, stop: new AbortController(), deaths: [] };
}

/** The promise goes on; the waiting ends. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener("abort", onAbort));
}
