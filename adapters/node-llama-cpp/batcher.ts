// Continuous batching: every step decodes one token of each generating turn and, with the room that is left, the next piece of
// the prompts (steps.ts). One loop owns the native context, so a turn that comes, goes or is aborted takes effect at the next step;
// in between it gives the turns that wait their slots (seats.ts).
import type { Addon } from "./addon.ts";
import { SAVE_IDLE_MS, SAVE_ON_CLOSE_MS } from "../shared/kv-cache/retention.ts";
import { createSlotSelection } from "./slot-selection.ts";
import type { RunningGeneration, EmbeddedSlot, GenerationTask } from "./slot.ts";
import type { EmbeddedSlotStates } from "./slot-states.ts";
import { createDecodeSteps } from "./decode-step.ts";
import { createComputeThreads } from "./compute-threads.ts";

export interface Batcher {
  /** Before the first turn: reads the weights once and finds out how many threads are fast right now. */
  warmUp(token: number): Promise<void>;
  /** Begins a turn as soon as a slot is free. Answers with what stops it before the next step; that is safe at any time. */
  start(options: GenerationTask): () => void;
  /** Fails the turns that run and wait, keeps what the slots hold, and settles when no native call runs any more. */
  close(reason: unknown): Promise<void>;
}

export interface BatcherOptions {
  slots: number;
  /** Tokens one step may decode. */
  batch: number;
  /** Of the computation, on an idle machine. */
  threads: number;
  /** Whether a part of a sequence's memory can be forgotten (not so with recurrent or sliding-window models). */
  trimmable: boolean;
  /** Where the state of idle conversations is kept; absent: in the slots alone. */
  states?: EmbeddedSlotStates | undefined;
  /** In ms: when nothing has run for so long, the slots are written down; half a minute unless told. */
  save_after?: number;
}

export function createBatcher({ context, newSampler }: Addon, options: BatcherOptions): Batcher {
  const { slots: count, batch, trimmable, states, save_after: keep_after = SAVE_IDLE_MS } = options;
  const slots = Array.from({ length: count }, (_, sequence): EmbeddedSlot => {
    return { sequence, tokens: [], exact: 0, generation: undefined, last_used: 0 };
  });
  const seats = createSlotSelection(context, { slots, batch, trimmable });
  const steps = createDecodeSteps(context, { batch, threads: createComputeThreads(options.threads), fail });
  const arrivals: RunningGeneration[] = [];
  let clock = 0;
  let running: Promise<void> | undefined;
  /** Something was decoded since the slots were written down. */
  let unkept = false;
  let rest: ReturnType<typeof setTimeout> | undefined;

  return {
    warmUp: steps.warmUp,
    start(options) {
      const sampler = newSampler(options.sampling);
      const turn: RunningGeneration = { ...options, sampler, cached: 0, unread: options.prompt, next: undefined, stopped: false };
      arrivals.push(turn);
      clearTimeout(rest);
      // The loop begins in a later tick, so that turns that come together are decoded together.
      running ??= Promise.resolve().then(loop);
      return () => {
        turn.stopped = true;
      };
    },
    async close(reason) {
      for (const turn of [...arrivals, ...slots.map(({ generation: turn }) => turn)]) {
        if (turn === undefined || turn.stopped) continue;
        turn.stopped = true;
        turn.onError(reason);
      }
      await running;
      clearTimeout(rest);
      const end = performance.now() + SAVE_ON_CLOSE_MS;
      await keepSlots(() => performance.now() < end);
    },
  };

  // The native context is touched in this loop only, between two steps: it is not made for calls during a decode.
  async function loop(): Promise<void> {
    for (;;) {
      releaseStopped();
      await seat();
      // Seating may have read a file, and whoever left meanwhile takes no step.
      releaseStopped();
      const active = slots.filter(({ generation: turn }) => turn !== undefined);
      if (active.length === 0) {
        // Somebody came while the last of them got a slot, or lost it.
        if (arrivals.length > 0) continue;
        // In the same tick as the look at the arrivals: the next one must find that nobody runs.
        running = undefined;
        keepLater();
        return;
      }
      try {
        await steps.step(active);
        unkept = true;
      } catch (error) {
        // What the native side has kept of the batch is unknown: these slots start afresh.
        for (const slot of active) fail(slot, error);
      }
    }
  }

  function releaseStopped(): void {
    for (const slot of slots) if (slot.generation?.stopped) release(slot);
  }

  /** Sets the clock for slots that nobody comes back to. */
  function keepLater(): void {
    if (states === undefined || !unkept) return;
    rest = setTimeout(() => {
      unkept = false;
      running ??= keepSlots(() => arrivals.length === 0).then(loop);
    }, keep_after);
    rest.unref();
  }

  /** Writes the slots down, the last used first, as long as `goes_on`. */
  async function keepSlots(goes_on: () => boolean): Promise<void> {
    for (const slot of slots.toSorted((a, b) => b.last_used - a.last_used)) if (goes_on()) await states?.save(slot);
    await states?.settle();
  }

  async function seat(): Promise<void> {
    while (arrivals.length > 0) {
      const turn = arrivals[0]!;
      const slot = turn.stopped ? undefined : seats.choose(turn);
      if (slot === undefined && !turn.stopped) return;
      arrivals.shift();
      if (slot === undefined) {
        turn.sampler.dispose();
        continue;
      }
      slot.generation = turn;
      slot.last_used = ++clock;
      await states?.swap(slot, turn.prompt, (held) => seats.usable(held, turn));
      seats.trim(slot, seats.usable(slot, turn));
      turn.cached = slot.tokens.length;
      turn.unread = turn.prompt.slice(turn.cached);
    }
  }

  function release(slot: EmbeddedSlot): void {
    slot.generation?.sampler.dispose();
    slot.generation = undefined;
  }

  function fail(slot: EmbeddedSlot, error: unknown): void {
    const { generation: turn } = slot;
    release(slot);
    seats.forget(slot);
    if (turn && !turn.stopped) turn.onError(error);
  }
}
