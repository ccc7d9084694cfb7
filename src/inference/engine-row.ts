// An engine as `ingle ps` and GET /v1/ps show it.
import type { ModelInstance } from "./model-instance.ts";

export interface EngineRow {
  /** Of the model. */
  id: string;
  object: "engine";
  /** `loading`: also while it waits for memory. `stopping`: its last turns run, new ones get another engine. */
  state: "loading" | "running" | "stopping";
  /** An estimate; null where nobody knows, and while it waits for memory. */
  memory_bytes: number | null;
  /** Tokens a slot holds; null before it is loaded. */
  context_length: number | null;
  slots: number;
  /** Turns that have a slot. */
  busy: number;
  /** Turns that wait for one. */
  queued: number;
  /** Whole seconds since its last turn, 0 amid one. */
  idle_s: number;
  /** Whole seconds since 1970 when it will be unloaded if nobody asks; null while it is in use, for ever, and for pinned ones. */
  expires_at: number | null;
  pinned: boolean;
}

/** `memory`: the bytes it holds. `now`: ms since 1970. */
export function rowOf(room: ModelInstance, memory: number | undefined, now: number): EngineRow {
  const { id, engine, idle, pinned, idle_since, keep_alive, stopping: leaving } = room;
  const stays = !idle || pinned || keep_alive === Number.POSITIVE_INFINITY;
  return {
    id,
    object: "engine",
    state: leaving ? "stopping" : engine === undefined ? "loading" : "running",
    memory_bytes: memory ?? null,
    context_length: engine?.context_length ?? null,
    slots: engine?.slots ?? room.slots.count,
    busy: room.slots.busy,
    queued: room.slots.waiting,
    idle_s: idle ? Math.floor((now - idle_since) / 1000) : 0,
    expires_at: stays ? null : Math.ceil((idle_since + keep_alive) / 1000),
    pinned,
  };
}
