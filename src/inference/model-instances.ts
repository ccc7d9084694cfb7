// Which rooms there are: one for each model that was asked for, and those that nobody enters any more, until their engine is closed.
import { isDeepStrictEqual } from "node:util";
import type { Model } from "../../models/manifest.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { createModelInstance, type ModelInstance } from "./model-instance.ts";
import type { Later } from "./loading-events.ts";
import { ApiError } from "../http/errors.ts";
import type { Log } from "../support/log.ts";

export interface ModelInstances {
  /**
   * Where new turns of a model go. A new one where an older request waits for the memory of the one there is, and where the record
   * names other servers by now: a node that shares the store has changed it.
   */
  getOrCreate(model: Model): ModelInstance;
  /** The one that new turns would go to, if there is one. */
  get(id: string): ModelInstance | undefined;
  all(): ModelInstance[];
  /** Nobody enters it any more: its engine is closed when its last turn has ended. */
  retire(room: ModelInstance, why: UnloadReason): void;
  /** Resolves when no engine of the model is left that has been told to go. */
  whenUnloaded(id: string): Promise<void>;
  /** Who is in them gets `grace_ms` to leave, then all engines are closed. */
  close(grace_ms: number): Promise<void>;
}

/** Somebody asked for it, nobody used it for long, others need its memory, or its record has changed. */
export type UnloadReason = "asked" | "idle" | "memory" | "changed";

export interface ModelInstancesOptions {
  slots: (model: Model) => number;
  queue: number;
  /** In ms: of rooms of which no request has said anything. */
  keep_alive: number;
  isPinned: (id: string) => boolean;
  memory: MemoryBudget;
  closing: AbortSignal;
  log: Log;
  now: () => number;
  /** Milliseconds that only grow. */
  elapsed: () => number;
  later: Later;
}

export function createModelInstances({ slots, memory, closing, log, later, ...options }: ModelInstancesOptions): ModelInstances {
  const current = new Map<string, ModelInstance>();
  const stopping = new Map<ModelInstance, Promise<void>>();

  const retire = (room: ModelInstance, why: UnloadReason): void => {
    if (room.stopping) return;
    room.stopping = true;
    room.cancelExpiry();
    current.delete(room.id);
    stopping.set(room, unloadWhenIdle(room, why));
  };

  const unloadWhenIdle = async (room: ModelInstance, why: UnloadReason): Promise<void> => {
    await room.whenIdle();
    const { id, engine } = room;
    room.loadController.abort(new ApiError(503, `Model "${id}" was unloaded.`, { code: "engine_unavailable", param: "model" }));
    await closeEngine(room);
    stopping.delete(room);
    if (engine !== undefined) log.info("model unloaded", { model: id, why });
  };

  const onIdle = (room: ModelInstance): void => {
    if (!room.stopping && !closing.aborted) expire(room);
    memory.update();
  };

  /** What is idle goes in its time, even amid its load. */
  const expire = (room: ModelInstance): void => {
    if (room.load === undefined || room.pinned || room.keep_alive === Number.POSITIVE_INFINITY) return;
    if (room.keep_alive === 0) return retire(room, "idle");
    room.cancelExpiry = later(room.keep_alive, () => retire(room, "idle"));
  };

  const all = (): ModelInstance[] => [...current.values(), ...stopping.keys()];

  return {
    retire,
    get: (id) => current.get(id),
    all,
    getOrCreate(model) {
      const { id, upstream } = model;
      const known = current.get(id);
      if (known?.draining) retire(known, "memory");
      else if (known !== undefined && !isDeepStrictEqual(known.upstream, upstream)) retire(known, "changed");
      else if (known !== undefined) return known;
      const room = createModelInstance({
        ...options,
        id,
        upstream,
        slots: slots(model),
        onIdle,
        evict: (room) => retire(room, "memory"),
      });
      current.set(id, room);
      return room;
    },
    async whenUnloaded(id) {
      await Promise.all([...stopping].map(([room, gone]) => (room.id === id ? gone : undefined)));
    },
    async close(grace_ms) {
      const everyone = all();
      for (const room of everyone) room.cancelExpiry();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const grace = new Promise((done) => (timer = setTimeout(done, grace_ms)));
      await Promise.race([Promise.all(everyone.map((room) => room.whenIdle())), grace]);
      // A program that has ended its engines is to end at once.
      clearTimeout(timer);
      await Promise.all(everyone.map(closeEngine));
    },
  };
}

/** Closes what is loaded there, or will be. */
async function closeEngine({ load }: ModelInstance): Promise<void> {
  await load?.then((engine) => engine.close()).catch(() => {});
}
