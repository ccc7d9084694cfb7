// When a conversation keeps its slot, and when its state is saved: the rules of both engines.

/** In tokens: a shorter prefix is read again sooner than a file is written and loaded. */
export const MIN_SAVED_TOKENS = 256;

/**
 * In ms: the slots are saved when nothing has run for so long. A person who reads the answer is often back by then, and a state is large: to
 * save one after every answer would wear the disk out.
 */
export const SAVE_IDLE_MS = 30_000;

/** In ms: a closing engine begins no further save after that, as the server waits for its end. */
export const SAVE_ON_CLOSE_MS = 4_000;

/** How many elements two sequences begin with alike: tokens, or prefixes of a fingerprint. */
export function commonPrefixLength(one: ArrayLike<unknown>, other: ArrayLike<unknown>): number {
  const shorter = Math.min(one.length, other.length);
  let length = 0;
  while (length < shorter && one[length] === other[length]) length++;
  return length;
}

/**
 * How many of so many tokens fill batches. Numbers depend on how tokens are split into batches: a repeatable request reuses those alone, as it
 * would read them itself.
 */
export const wholeBatches = (tokens: number, batch: number): number => Math.floor(tokens / batch) * batch;

/** A slot of either engine. */
interface UsedSlot {
  /** Undefined while the slot is free. */
  readonly generation: unknown;
  readonly last_used: number;
}

/**
 * The free slot of the same conversation, else an empty one, else the one that was used longest ago; undefined where none is free. `compare`: how much of
 * a slot the request can reuse, how long their common beginning is, and how long what the slot holds, all in the unit of `request_length`.
 */
export function chooseSlot<Slot extends UsedSlot>(
  slots: readonly Slot[],
  request_length: number,
  compare: (slot: Slot) => { reused: number; common: number; length: number },
): Slot | undefined {
  const free = slots
    .filter(({ generation }) => generation === undefined)
    .sort((a, b) => a.last_used - b.last_used)
    .map((slot) => ({ slot, ...compare(slot) }));
  const [best] = free.toSorted((a, b) => b.reused - a.reused || b.common - a.common);
  // A shorter beginning, such as a shared system prompt, is no reason to overwrite another conversation. A conversation takes its own slot
  // also where none of it can be reused: the slot is of no use to others.
  const same = best !== undefined && best.common > Math.min(best.length, request_length) / 2;
  return same ? best.slot : (free.find(({ length }) => length === 0) ?? free[0])?.slot;
}
