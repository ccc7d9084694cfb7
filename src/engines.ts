// Model -> engine: loaded once however many ask, its slots lent one turn at a time, loaded again after a crash.
import { AdapterError, type Adapter, type ChatEvent, type ChatRequest, type Engine } from "../adapters/adapter.ts";
import type { InstalledModel, Model } from "../models/model.ts";
import { ApiError } from "./errors.ts";
import type { Log } from "./log.ts";

export interface Engines {
  /** One turn of a model. Throws `ApiError` 429 when the queue is full, 503 when the model is set aside, and `AdapterError`. */
  chat(model: Model, request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
  state(id: string): "stopped" | "loading" | "running";
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
// What a full queue is told to wait, in seconds.
const RETRY_AFTER = 2;

interface Room {
  loading: Promise<Engine> | undefined;
  engine: Engine | undefined;
  busy: number;
  /** Each lets one turn in. */
  waiting: (() => void)[];
  deaths: { at: number; reason: string }[];
}

export function createEngines(options: EnginesOptions): Engines {
  const { adapter, resolve, slots, queue, log, now = Date.now } = options;
  const rooms = new Map<string, Room>();
  const closing = new AbortController();

  const roomOf = (id: string): Room => {
    const room = rooms.get(id) ?? { loading: undefined, engine: undefined, busy: 0, waiting: [], deaths: [] };
    rooms.set(id, room);
    return room;
  };

  return {
    async *chat(model, request, signal) {
      const room = roomOf(model.id);
      await enter(room, model.id, signal);
      try {
        const engine = room.engine ?? (await unlessAborted(engineOf(room, model), signal));
        yield* engine.chat(request, signal);
      } finally {
        leave(room);
      }
    },
    state(id) {
      const room = rooms.get(id);
      if (room?.engine !== undefined) return "running";
      return room?.loading === undefined ? "stopped" : "loading";
    },
    async close(grace_ms) {
      closing.abort(new ApiError(503, "The server is stopping.", { code: "server_stopping" }));
      const idle = async (): Promise<void> => {
        while ([...rooms.values()].some(({ busy }) => busy > 0)) await new Promise((done) => setTimeout(done, 10));
      };
      await Promise.race([idle(), new Promise((done) => setTimeout(done, grace_ms))]);
      const loaded = [...rooms.values()].map(({ loading }) => loading?.then((engine) => engine.close()).catch(() => {}));
      await Promise.all(loaded);
    },
  };

  /** Takes a slot, in the order of asking. */
  async function enter(room: Room, id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    closing.signal.throwIfAborted();
    if (room.busy < slots) {
      room.busy++;
      return;
    }
    if (room.waiting.length >= queue) {
      throw new ApiError(
        429,
        `All ${slots} slots of model "${id}" are busy and ${queue} requests wait already. Try again later.`,
        {
          code: "queue_full",
          headers: { "retry-after": String(RETRY_AFTER) },
        },
      );
    }
    const turn = Promise.withResolvers<void>();
    const onAbort = (): void => {
      const at = room.waiting.indexOf(turn.resolve);
      if (at >= 0) room.waiting.splice(at, 1);
      turn.reject(signal.reason);
    };
    room.waiting.push(turn.resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
    // The slot came in the same moment as the abort: it goes to the next.
    if (signal.aborted) leave(room);
    signal.throwIfAborted();
  }

  function leave(room: Room): void {
    const next = room.waiting.shift();
    if (next === undefined) room.busy--;
    else next();
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
    try {
      const installed = await resolve(model);
      const engine = await adapter.load(installed, { slots, context, threads: options.threads }, closing.signal);
      log.info("model loaded", { model: model.id, ms: now() - started, context: engine.context_length, slots: engine.slots });
      room.engine = engine;
      void engine.closed.then((death) => bury(room, model.id, death));
      return engine;
    } catch (error) {
      if (error instanceof AdapterError && !closing.signal.aborted) mourn(room, model.id, error);
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

/** The promise goes on; the waiting ends. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener("abort", onAbort));
}
