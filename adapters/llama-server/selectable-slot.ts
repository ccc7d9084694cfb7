import type { LlamaServerSlot } from "./slot-states.ts";

export interface SelectableSlot extends LlamaServerSlot {
  /** The generation in the slot; undefined while the slot is free. */
  generation: SlotUser | undefined;
  last_used: number;
  /** Saves and restores of this slot, one after the other. Never rejects. */
  work: Promise<void>;
}

export interface SlotUser {
  /** Settles when the generation is over. */
  over: Promise<void>;
  end(): void;
}
