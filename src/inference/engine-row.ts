// An engine as `ingle ps` and GET /v1/ps show it.
import type { ModelInstance } from "./model-instance.ts";

export interface EngineRow {
  /** The id of its model. */
  id: string;
  object: "engine";
  /** The adapter that has loaded it; null before that. */
  adapter: string | null;
  /** `loading`: also while it waits for memory. `stopping`: its last generations run, new requests get another engine. */
  state: "loading" | "running" | "stopping";
  /** An estimate; null where none can be made, and while it waits for memory. */
  memory_bytes: number | null;
  /** What it takes on graphics cards, an estimate; absent where that is nothing. */
  card_bytes?: number;
  /** Tokens a slot holds; null before it is loaded, and of other servers that do not say it. */
  context_length: number | null;
  slots: number;
  /** Slots in use. */
  busy: number;
  /** Requests that wait for a slot. */
  queued: number;
  /** Whole seconds since its last generation, 0 amid one. */
  idle_s: number;
  /** Whole seconds since 1970 when it is unloaded unless it is used; null while it is in use, for `keep_alive` -1, and for pinned ones. */
  expires_at: number | null;
  pinned: boolean;
}

/** `memory`: the bytes it holds. `now`: ms since 1970. */
export function rowOf(instance: ModelInstance, memory: number | undefined, now: number): EngineRow {
  const { id, adapter = null, engine, card_bytes, queue, idle, pinned, idle_since, keep_alive, stopping } = instance;
  const stays = !idle || pinned || keep_alive === Number.POSITIVE_INFINITY;
  return {
    id,
    object: "engine",
    adapter,
    state: stopping ? "stopping" : engine === undefined ? "loading" : "running",
    memory_bytes: memory ?? null,
    ...(card_bytes > 0 && { card_bytes }),
    context_length: Number.isFinite(engine?.context_length) ? engine!.context_length : null,
    slots: engine?.slots ?? queue.slots,
    busy: queue.busy,
    queued: queue.waiting,
    idle_s: idle ? Math.floor((now - idle_since) / 1000) : 0,
    expires_at: stays ? null : Math.ceil((idle_since + keep_alive) / 1000),
    pinned,
  };
}
