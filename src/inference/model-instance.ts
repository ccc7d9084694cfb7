// The room of one engine: who is in it, since when nobody is, and what is loaded there. One that must go takes nobody in any more.
import type { Engine } from "../../adapters/adapter.ts";
import type { Model } from "../../models/manifest.ts";
import type { MemoryHolder } from "./memory-budget.ts";
import { createRequestQueue, type RequestQueue, type RequestQueueOptions } from "./request-queue.ts";

export interface ModelInstance extends Omit<MemoryHolder, "leaving"> {
  /** Who runs its model instead of this machine. */
  readonly upstream: Model["upstream"];
  readonly slots: RequestQueue;
  /** Somebody comes in; the function that is returned lets them out again, once. */
  retain(): () => void;
  /** Resolves when nobody is in it. */
  whenIdle(): Promise<void>;
  /** In ms since 1970: when the last one left. */
  readonly idle_since: number;
  /** One load for all who ask; undefined where there is neither one nor an engine. */
  load: Promise<Engine> | undefined;
  /** What is loaded. */
  engine: Engine | undefined;
  /** Gives up the load. */
  readonly loadController: AbortController;
  /** In ms: how long the engine stays when nobody is here. */
  keep_alive: number;
  /** Takes back the wish to go when `keep_alive` is over. */
  cancelExpiry: () => void;
  stopping: boolean;
}

export interface ModelInstanceOptions extends RequestQueueOptions {
  upstream: Model["upstream"];
  keep_alive: number;
  now: () => number;
  isPinned: (id: string) => boolean;
  /** Nobody is in it any more. */
  onIdle: (room: ModelInstance) => void;
  evict: (room: ModelInstance) => void;
}

// Over all rooms, as two may be used in the same millisecond.
let uses = 0;

export function createModelInstance({
  upstream,
  keep_alive,
  now,
  isPinned,
  onIdle,
  evict,
  ...places
}: ModelInstanceOptions): ModelInstance {
  const { id } = places;
  let inside = 0;
  let used = ++uses;
  let idle_since = now();
  let whenEmpty: (() => void)[] = [];

  const leave = (): void => {
    inside--;
    used = ++uses;
    if (inside > 0) return;
    idle_since = now();
    for (const done of whenEmpty.splice(0)) done();
    onIdle(room);
  };

  const room: ModelInstance = {
    id,
    upstream,
    slots: createRequestQueue(places),
    get idle() {
      return inside === 0;
    },
    get pinned() {
      return isPinned(id);
    },
    get loading() {
      return room.load !== undefined && room.engine === undefined;
    },
    get used() {
      return used;
    },
    get idle_since() {
      return idle_since;
    },
    retain() {
      room.cancelExpiry();
      inside++;
      used = ++uses;
      return leave;
    },
    whenIdle: () => (inside === 0 ? Promise.resolve() : new Promise((done) => whenEmpty.push(done))),
    evict: () => evict(room),
    load: undefined,
    engine: undefined,
    loadController: new AbortController(),
    keep_alive,
    cancelExpiry: () => {},
    draining: false,
    stopping: false,
  };
  return room;
}
