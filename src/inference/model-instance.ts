// The room of one engine: who is in it, since when nobody is, and what is loaded there. One that must go takes nobody in any more.
import type { Engine } from "../../adapters/adapter.ts";
import type { Model } from "../../models/manifest.ts";
import type { Tenant } from "./memory-budget.ts";
import { createSlots, type Slots, type SlotsOptions } from "./request-queue.ts";

export interface Room extends Omit<Tenant, "leaving"> {
  /** Who runs its model instead of this machine. */
  readonly upstream: Model["upstream"];
  readonly slots: Slots;
  /** Somebody comes in; the function that is returned lets them out again, once. */
  enter(): () => void;
  /** Resolves when nobody is in it. */
  empty(): Promise<void>;
  /** In ms since 1970: when the last one left. */
  readonly idle_since: number;
  /** One load for all who ask; undefined where there is neither one nor an engine. */
  load: Promise<Engine> | undefined;
  /** What is loaded. */
  engine: Engine | undefined;
  /** Gives up the load. */
  readonly stop: AbortController;
  /** In ms: how long the engine stays when nobody is here. */
  keep_alive: number;
  /** Takes back the wish to go when `keep_alive` is over. */
  stay: () => void;
  leaving: boolean;
}

export interface RoomOptions extends SlotsOptions {
  upstream: Model["upstream"];
  keep_alive: number;
  now: () => number;
  isPinned: (id: string) => boolean;
  /** Nobody is in it any more. */
  onIdle: (room: Room) => void;
  evict: (room: Room) => void;
}

// Over all rooms, as two may be used in the same millisecond.
let uses = 0;

export function createRoom({ upstream, keep_alive, now, isPinned, onIdle, evict, ...places }: RoomOptions): Room {
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

  const room: Room = {
    id,
    upstream,
    slots: createSlots(places),
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
    enter() {
      room.stay();
      inside++;
      used = ++uses;
      return leave;
    },
    empty: () => (inside === 0 ? Promise.resolve() : new Promise((done) => whenEmpty.push(done))),
    evict: () => evict(room),
    load: undefined,
    engine: undefined,
    stop: new AbortController(),
    keep_alive,
    stay: () => {},
    draining: false,
    leaving: false,
  };
  return room;
}
