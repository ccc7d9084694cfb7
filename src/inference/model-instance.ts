// One instance of a model: its engine, its queue, who uses it and since when nobody does. One that is stopping gets no new requests.
import type { Engine } from "../../adapters/adapter.ts";
import type { Model } from "../../models/manifest.ts";
import type { ApiError } from "../http/errors.ts";
import type { MemoryHolder } from "./memory-budget.ts";
import { createRequestQueue, type RequestQueue, type RequestQueueOptions } from "./request-queue.ts";

export interface ModelInstance extends Omit<MemoryHolder, "stopping"> {
  /** Its record, as the last request had it. */
  model: Model;
  /** The servers that run the model instead of this machine. */
  readonly upstream: Model["upstream"];
  readonly queue: RequestQueue;
  /** Counts a user, until the function that is returned is called, once: an instance with users is not idle. */
  retain(): () => void;
  whenIdle(): Promise<void>;
  /** Stop the generations that use it, or wait to. */
  readonly stops: Set<(error: ApiError) => void>;
  /** When the last user left, in ms since 1970. */
  readonly idle_since: number;
  /** One load for all requests; undefined where there is neither a load nor an engine. */
  load: Promise<Engine> | undefined;
  engine: Engine | undefined;
  /** The name of what has loaded the engine. */
  adapter: string | undefined;
  /** What it holds, or is about to, on graphics cards. */
  card_bytes: number;
  /** Aborts the load. */
  readonly loadController: AbortController;
  /** How long the engine stays without users, in ms. */
  keep_alive: number;
  /** Stops the timer that would unload it after `keep_alive`. */
  cancelExpiry: () => void;
  stopping: boolean;
}

/** `asked`: by a client. `memory`: another model needs it. `changed`: the model's record has. `damaged`: its file is. */
export type UnloadReason = "asked" | "idle" | "memory" | "changed" | "damaged";

interface ModelInstanceOptions extends RequestQueueOptions {
  model: Model;
  keep_alive: number;
  now: () => number;
  isPinned: (id: string) => boolean;
  onIdle: (instance: ModelInstance) => void;
  retire: (instance: ModelInstance, why: UnloadReason) => void;
}

// One clock for all instances, as two may be used in the same millisecond.
let uses = 0;

export function createModelInstance(options: ModelInstanceOptions): ModelInstance {
  const { id, model, keep_alive, now, isPinned, onIdle, retire } = options;
  const { upstream } = model;
  let users = 0;
  let used = ++uses;
  let idle_since = now();
  let idleWaiters: (() => void)[] = [];

  const releaseInstance = (): void => {
    users--;
    used = ++uses;
    if (users > 0) return;
    idle_since = now();
    for (const resolve of idleWaiters.splice(0)) resolve();
    onIdle(instance);
  };

  const instance: ModelInstance = {
    id,
    upstream,
    model,
    queue: createRequestQueue(options),
    get idle() {
      return users === 0;
    },
    get pinned() {
      return isPinned(id);
    },
    get loading() {
      return instance.load !== undefined && instance.engine === undefined;
    },
    get used() {
      return used;
    },
    get idle_since() {
      return idle_since;
    },
    retain() {
      instance.cancelExpiry();
      users++;
      used = ++uses;
      return releaseInstance;
    },
    stops: new Set(),
    whenIdle: () => (users === 0 ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve))),
    evict: () => retire(instance, "memory"),
    load: undefined,
    engine: undefined,
    adapter: undefined,
    card_bytes: 0,
    loadController: new AbortController(),
    keep_alive,
    cancelExpiry: () => {},
    draining: false,
    stopping: false,
  };
  return instance;
}
