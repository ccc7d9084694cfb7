// All instances: one for each model that was used, and those that are stopping, until their engine is closed.
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Model } from "../../models/manifest.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { createModelInstance, type ModelInstance, type UnloadReason } from "./model-instance.ts";
import type { Later } from "./loading-events.ts";
import { ApiError } from "../http/errors.ts";
import type { Log } from "../support/log/log.ts";

interface ModelInstancesOptions {
  slotsOf: (model: Model) => number | undefined;
  queue: number;
  /** In ms: of instances of which no request has said anything. */
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

export function createModelInstances({ slotsOf, memory, closing, log, later, ...options }: ModelInstancesOptions) {
  const current = new Map<string, ModelInstance>();
  const stopping = new Map<ModelInstance, Promise<void>>();

  /** New requests get another instance; its engine is closed when its last request has ended. */
  const retire = (instance: ModelInstance, why: UnloadReason): void => {
    if (instance.stopping) return;
    instance.stopping = true;
    instance.cancelExpiry();
    current.delete(instance.id);
    stopping.set(instance, unloadWhenIdle(instance, why));
  };

  const unloadWhenIdle = async (instance: ModelInstance, why: UnloadReason): Promise<void> => {
    await instance.whenIdle();
    const { id, engine } = instance;
    const reason = new ApiError(503, `Model "${id}" was unloaded.`, { code: "engine_unavailable", param: "model" });
    instance.loadController.abort(reason);
    await closeEngine(instance);
    stopping.delete(instance);
    if (engine !== undefined) log.info("model unloaded", { model: id, why });
  };

  const onIdle = (instance: ModelInstance): void => {
    if (!instance.stopping && !closing.aborted) startExpiry(instance);
    memory.update();
  };

  /** An instance without users expires even amid its load. */
  const startExpiry = (instance: ModelInstance): void => {
    if (instance.load === undefined || instance.pinned || instance.keep_alive === Number.POSITIVE_INFINITY) return;
    if (instance.keep_alive === 0) return retire(instance, "idle");
    instance.cancelExpiry = later(instance.keep_alive, () => retire(instance, "idle"));
  };

  const all = (): ModelInstance[] => [...current.values(), ...stopping.keys()];

  return {
    retire,
    /** The instance that new requests would go to, if there is one. */
    get: (id: string): ModelInstance | undefined => current.get(id),
    all,
    /**
     * The instance that new requests of a model go to. A new one where an older request waits for the memory of the current one, and where
     * the record names other servers by now: another node that shares the store may have changed it.
     */
    getOrCreate(model: Model): ModelInstance {
      const { id, upstream } = model;
      const known = current.get(id);
      if (known?.draining) retire(known, "memory");
      else if (known !== undefined && !isDeepStrictEqual(known.upstream, upstream)) retire(known, "changed");
      else if (known !== undefined) return Object.assign(known, { model });
      const instance = createModelInstance({ ...options, id, model, slots: slotsOf(model), onIdle, retire });
      current.set(id, instance);
      return instance;
    },
    /** Resolves when no retired instance of the model is left. */
    async whenUnloaded(id: string): Promise<void> {
      await Promise.all([...stopping].map(([instance, unloaded]) => (instance.id === id ? unloaded : undefined)));
    },
    /** Running and queued requests get `grace_ms` to end, then all engines are closed. */
    async close(grace_ms: number): Promise<void> {
      const instances = all();
      for (const instance of instances) instance.cancelExpiry();
      const idle = new AbortController();
      const grace = sleep(grace_ms, undefined, { signal: idle.signal }).catch(() => {});
      await Promise.race([Promise.all(instances.map((instance) => instance.whenIdle())), grace]);
      // A timer would keep a program alive that has closed its engines.
      idle.abort();
      await Promise.all(instances.map(closeEngine));
    },
  };
}

/** Also an engine that is still loading. */
async function closeEngine({ load }: ModelInstance): Promise<void> {
  await load?.then((engine) => engine.close()).catch(() => {});
}
