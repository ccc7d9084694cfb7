// Which rooms there are: one for each model that was asked for, and those that nobody enters any more, until their engine is closed.
import { isDeepStrictEqual } from "node:util";
import type { Model } from "../../models/manifest.ts";
import type { Memory } from "./memory-budget.ts";
import { createRoom, type Room } from "./model-instance.ts";
import type { Later } from "./wait.ts";
import { ApiError } from "../http/errors.ts";
import type { Log } from "../support/log.ts";

export interface Rooms {
  /**
   * Where new turns of a model go. A new one where an older request waits for the memory of the one there is, and where the record
   * names other servers by now: a node that shares the store has changed it.
   */
  enterable(model: Model): Room;
  /** The one that new turns would go to, if there is one. */
  get(id: string): Room | undefined;
  all(): Room[];
  /** Nobody enters it any more: its engine is closed when its last turn has ended. */
  retire(room: Room, why: Why): void;
  /** Resolves when no engine of the model is left that has been told to go. */
  left(id: string): Promise<void>;
  /** Who is in them gets `grace_ms` to leave, then all engines are closed. */
  close(grace_ms: number): Promise<void>;
}

/** Somebody asked for it, nobody used it for long, others need its memory, or its record has changed. */
export type Why = "asked" | "idle" | "memory" | "changed";

export interface RoomsOptions {
  slots: (model: Model) => number;
  queue: number;
  /** In ms: of rooms of which no request has said anything. */
  keep_alive: number;
  isPinned: (id: string) => boolean;
  memory: Memory;
  closing: AbortSignal;
  log: Log;
  now: () => number;
  /** Milliseconds that only grow. */
  elapsed: () => number;
  later: Later;
}

export function createRooms({ slots, memory, closing, log, later, ...options }: RoomsOptions): Rooms {
  const rooms = new Map<string, Room>();
  const leaving = new Map<Room, Promise<void>>();

  const retire = (room: Room, why: Why): void => {
    if (room.leaving) return;
    room.leaving = true;
    room.stay();
    rooms.delete(room.id);
    leaving.set(room, vacate(room, why));
  };

  const vacate = async (room: Room, why: Why): Promise<void> => {
    await room.empty();
    const { id, engine } = room;
    room.stop.abort(new ApiError(503, `Model "${id}" was unloaded.`, { code: "engine_unavailable", param: "model" }));
    await shut(room);
    leaving.delete(room);
    if (engine !== undefined) log.info("model unloaded", { model: id, why });
  };

  const onIdle = (room: Room): void => {
    if (!room.leaving && !closing.aborted) expire(room);
    memory.settle();
  };

  /** What is idle goes in its time, even amid its load. */
  const expire = (room: Room): void => {
    if (room.load === undefined || room.pinned || room.keep_alive === Number.POSITIVE_INFINITY) return;
    if (room.keep_alive === 0) return retire(room, "idle");
    room.stay = later(room.keep_alive, () => retire(room, "idle"));
  };

  const all = (): Room[] => [...rooms.values(), ...leaving.keys()];

  return {
    retire,
    get: (id) => rooms.get(id),
    all,
    enterable(model) {
      const { id, upstream } = model;
      const known = rooms.get(id);
      if (known?.draining) retire(known, "memory");
      else if (known !== undefined && !isDeepStrictEqual(known.upstream, upstream)) retire(known, "changed");
      else if (known !== undefined) return known;
      const room = createRoom({ ...options, id, upstream, slots: slots(model), onIdle, evict: (room) => retire(room, "memory") });
      rooms.set(id, room);
      return room;
    },
    async left(id) {
      await Promise.all([...leaving].map(([room, gone]) => (room.id === id ? gone : undefined)));
    },
    async close(grace_ms) {
      const everyone = all();
      for (const room of everyone) room.stay();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const grace = new Promise((done) => (timer = setTimeout(done, grace_ms)));
      await Promise.race([Promise.all(everyone.map((room) => room.empty())), grace]);
      // A program that has ended its engines is to end at once.
      clearTimeout(timer);
      await Promise.all(everyone.map(shut));
    },
  };
}

/** Closes what is loaded there, or will be. */
async function shut({ load }: Room): Promise<void> {
  await load?.then((engine) => engine.close()).catch(() => {});
}
