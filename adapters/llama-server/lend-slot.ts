// A slot for a text of which a vector is made, beside the chats of a model. llama-server chooses the slots of texts itself, those that were used
// longest ago first, and what such a slot held is lost: it is saved first, and then known to be gone. One text at a time: see `mixesTexts` of mixes-texts.ts.
import { setTimeout as pause } from "node:timers/promises";
import { untilAborted } from "../shared/until-aborted.ts";
import type { ChoiceSlots } from "./choice-slots.ts";
import type { SelectableSlot, SlotUser } from "./selectable-slot.ts";

/** Has `send` called where it has its turn. Rejects with what it throws, and with the signal's reason. */
export type LendSlot = <T>(signal: AbortSignal, send: () => Promise<T>) => Promise<T>;

interface LendSlotOptions {
  slots: readonly SelectableSlot[];
  choice_slots: ChoiceSlots;
  /** As of a generation. */
  takeSlots(
    count: number,
    choose: () => SelectableSlot | undefined,
    signal: AbortSignal,
  ): Promise<{ user: SlotUser; taken: SelectableSlot[] }>;
  give(slot: SelectableSlot, user: SlotUser): void;
  release(user: SlotUser): void;
  /** Waits until nothing else is being sent; what it answers with ends that. */
  enterAlone(signal: AbortSignal): Promise<() => void>;
  /** Saves what the slot holds, where states are saved. */
  save(slot: SelectableSlot, signal: AbortSignal): Promise<void>;
}

const POLL_MS = 10;

export function createLendSlot(options: LendSlotOptions): LendSlot {
  const { slots, choice_slots, takeSlots, give, release, enterAlone, save } = options;
  /** Settles when the last text so far has its vector. */
  let last: Promise<unknown> = Promise.resolve();

  const oldest = (): SelectableSlot | undefined =>
    slots.filter(({ generation }) => generation === undefined).toSorted((a, b) => a.last_used - b.last_used)[0];

  return async function lendSlot(signal, send) {
    const before = last;
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    last = over;
    try {
      await untilAborted(before, signal);
      return await inFreeSlot(signal, send);
    } finally {
      // A text that leaves the row keeps its place in it: those behind it wait for those before it.
      void before.then(() => end());
    }
  };

  async function inFreeSlot<T>(signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    const { user, taken } = await takeSlots(1, oldest, signal);
    const [slot] = taken as [SelectableSlot];
    let leave = (): void => {};
    try {
      leave = await enterAlone(signal);
      await save(slot, signal);
      const newest = await choice_slots.newestTask(taken, signal);
      let answered = false;
      const answer = send();
      const settle = (): void => void (answered = true);
      answer.then(settle, settle);
      const found = await findSlot(newest, () => answered);
      if (found !== undefined) found.contents = undefined;
      if (found !== undefined && found.generation === undefined) {
        give(found, user);
        slot.generation = undefined;
      }
      leave();
      return await answer;
    } finally {
      leave();
      release(user);
    }
  }

  /** What has been sent is in a slot within a step. Undefined where llama-server has refused it. */
  async function findSlot(newest: number, isAnswered: () => boolean): Promise<SelectableSlot | undefined> {
    for (;;) {
      const is_last = isAnswered();
      const [id] = await choice_slots.slotsSince(newest).catch(() => []);
      if (id !== undefined || is_last) return slots[id ?? -1];
      await pause(POLL_MS);
    }
  }
}
