// Continuous batching: every step decodes one token of each generation that samples and, with the space that is left in the batch, the next
// piece of the prompts (decode-step.ts). One loop owns the native context, so a generation that comes, goes or is aborted takes effect at
// the next step; between two steps the queued generations get their slots (slot-selection.ts).
import type { BatchContext } from "./addon.ts";
import { createComputeThreads } from "./compute-threads.ts";
import { createDecodeSteps, type DecodeStepsOptions } from "./decode-step.ts";
import { createSlotSelection } from "./slot-selection.ts";
import { clearSequence, copySlot, type EmbeddedSlotStates } from "./slot-states.ts";
import { createSideWork } from "./side-work.ts";
import type { EmbeddedSlot, GenerationTask, RunningGeneration } from "./slot.ts";
import { SAVE_IDLE_MS, SAVE_ON_CLOSE_MS } from "../shared/kv-cache/retention.ts";

export type Batcher = ReturnType<typeof createBatcher>;

export interface BatcherOptions extends Pick<DecodeStepsOptions, "batch" | "in_order"> {
  slots: number;
  /** Threads of the computation on an idle machine. */
  threads: number;
  /** Whether a part of a sequence's memory can be removed (not so with recurrent or sliding-window models). */
  trimmable: boolean;
  /** Saves idle conversations; absent: they stay in the slots alone. */
  states?: EmbeddedSlotStates | undefined;
  /** In ms: the slots are saved when nothing has run for so long. */
  save_after?: number;
}

export function createBatcher(context: BatchContext, options: BatcherOptions) {
  const { slots: count, batch, in_order, trimmable, states, save_after = SAVE_IDLE_MS } = options;
  const slots = Array.from({ length: count }, (_, sequence): EmbeddedSlot => {
    return { sequence, scope: "", tokens: [], exact: 0, generation: undefined, last_used: 0, unsettled: false };
  });
  const selection = createSlotSelection(context, { slots, batch, trimmable });
  const steps = createDecodeSteps(context, { batch, in_order, threads: createComputeThreads(options.threads) });
  /** Each with its choices. */
  const queue: (readonly [RunningGeneration, ...RunningGeneration[]])[] = [];
  let clock = 0;
  let running: Promise<void> | undefined;
  /** Something was decoded since the slots were saved. */
  let unsaved = false;
  let idle_timer: ReturnType<typeof setTimeout> | undefined;
  // The loop begins in a later tick, so that generations that come together are decoded together.
  const wake = (): void => {
    clearTimeout(idle_timer);
    running ??= Promise.resolve().then(loop);
  };
  const side_work = createSideWork(wake);

  return {
    warmUp: steps.warmUp,
    /** Done between two steps, where no native call runs. */
    side_work,
    /**
     * Begins a generation as soon as there is a slot for each choice. Answers with a function that stops all choices, or one, before the next
     * step and is safe at any time.
     */
    start(task: GenerationTask): (choice?: number) => void {
      const [first, ...further] = task.samplers.map((sampler, choice): RunningGeneration => {
        const waiting = { cached: 0, unread: [], next: undefined, stopped: false, further: [], source: undefined };
        return { task, choice, sampler, ...waiting };
      });
      const choices = [first!, ...further] as const;
      queue.push(choices);
      wake();
      return (choice) => {
        for (const generation of choices) if (choice === undefined || generation.choice === choice) generation.stopped = true;
      };
    },
    /** Fails the generations that run and wait, saves what the slots hold, and settles when no native call runs any more. */
    async close(reason: unknown): Promise<void> {
      for (const generation of [...queue.flat(), ...slots.map(({ generation }) => generation)]) {
        if (generation === undefined || generation.stopped) continue;
        generation.stopped = true;
        generation.task.onError(reason);
      }
      side_work.close(reason);
      await running;
      clearTimeout(idle_timer);
      const end = performance.now() + SAVE_ON_CLOSE_MS;
      await saveSlots(() => performance.now() < end);
    },
  };

  // The native context is touched in this loop only, between two steps: it is not made for calls during a decode.
  async function loop(): Promise<void> {
    for (;;) {
      releaseStopped();
      await assignSlots();
      // A state may have been read meanwhile: generations that were stopped by then take no step.
      releaseStopped();
      const active = slots.filter(takesPart);
      if (active.length === 0) {
        // The queue may have grown while the last generations got or lost their slots.
        if (queue.length > 0) continue;
        if (side_work.isPending()) {
          await side_work.next();
          continue;
        }
        // Set in the tick that found the queue empty, so that the next `start` begins a new loop.
        running = undefined;
        saveLater();
        return;
      }
      const started = performance.now();
      try {
        await steps.step(active);
        unsaved = true;
      } catch (error) {
        // What the native side has kept of the batch is unknown: these slots start afresh, and those that wait for one of them.
        for (const slot of slots) if (slot.generation !== undefined) fail(slot, error);
      }
      await side_work.afterStep(performance.now() - started);
    }
  }

  function releaseStopped(): void {
    for (const slot of slots) if (slot.generation?.stopped && !slot.unsettled && !isSource(slot)) release(slot);
  }

  /** Whether a choice is about to copy the prompt from this slot. */
  function isSource(slot: EmbeddedSlot): boolean {
    return slots.some(({ generation }) => generation?.source === slot && !generation.stopped);
  }

  function saveLater(): void {
    if (states === undefined || !unsaved) return;
    idle_timer = setTimeout(() => {
      unsaved = false;
      running ??= saveSlots(() => queue.length === 0).then(loop);
    }, save_after);
    idle_timer.unref();
  }

  /** Saves the slots, the last used first, as long as `goes_on`. */
  async function saveSlots(goes_on: () => boolean): Promise<void> {
    for (const slot of slots.toSorted((a, b) => b.last_used - a.last_used)) if (goes_on()) await states?.save(slot);
    await states?.settle();
  }

  async function assignSlots(): Promise<void> {
    while (queue.length > 0) {
      const choices = queue[0]!;
      const is_stopped = choices.every(({ stopped }) => stopped);
      const chosen = is_stopped ? undefined : selection.choose(choices[0].task);
      if (chosen === undefined && !is_stopped) return;
      queue.shift();
      if (chosen === undefined) {
        for (const { sampler } of choices) sampler.dispose();
        continue;
      }
      chosen.forEach((slot, choice) => {
        slot.generation = choices[choice]!;
        slot.last_used = ++clock;
      });
      const [first, ...further] = chosen;
      choices[0].further = further;
      for (const slot of further) await awaitPrompt(slot, first);
      await readPrompt(first, choices[0]);
      if (first.unsettled) return;
    }
  }

  /** Readies the slot of a further choice, which gets what the first one reads. */
  async function awaitPrompt(slot: EmbeddedSlot, first: EmbeddedSlot): Promise<void> {
    const generation = slot.generation!;
    generation.source = first;
    await states?.save(slot);
    clearSequence(context, slot);
    slot.scope = generation.task.scope;
  }

  /** Readies the slot that reads the prompt: with what it holds of that, with a saved state, or with what another slot holds. */
  async function readPrompt(slot: EmbeddedSlot, generation: RunningGeneration): Promise<void> {
    const { task } = generation;
    await handOver(slot, task.scope);
    const found = selection.source(slot, task);
    const spared = found?.usable ?? selection.usableOf(slot, task);
    await states?.swap(slot, task.prompt, { usable: (cached) => selection.usable(cached, task), spared });
    if (found !== undefined && selection.usableOf(slot, task) < spared) await copySlot(context, slot, found.slot);
    selection.trim(slot, slot.unsettled ? spared : selection.usableOf(slot, task));
    generation.cached = slot.tokens.length;
    generation.unread = task.prompt.slice(generation.cached);
  }

  /** What another API key's request has left in the slot is saved for that key, then forgotten. */
  async function handOver(slot: EmbeddedSlot, scope: string): Promise<void> {
    if (slot.scope === scope) return;
    await states?.save(slot);
    clearSequence(context, slot);
    slot.scope = scope;
  }

  function release(slot: EmbeddedSlot): void {
    slot.generation?.sampler.dispose();
    slot.generation = undefined;
  }

  function fail(slot: EmbeddedSlot, error: unknown): void {
    const { generation } = slot;
    release(slot);
    clearSequence(context, slot);
    slot.unsettled = false;
    if (generation && !generation.stopped) generation.task.onError(error);
  }
}

/** Whether its generation reads or samples; that of a slot whose cells were copied takes a step in any case. */
function takesPart({ generation, unsettled }: EmbeddedSlot): boolean {
  if (generation === undefined) return false;
  const waits = generation.source !== undefined && generation.next === undefined;
  return unsettled || (!generation.stopped && !waits);
}
