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
 * Whether a request takes the slot with which it has a common beginning: one of more than half of the slot, or of the request. A shorter one,
 * such as a shared system prompt, is no reason to overwrite another conversation. All three lengths in one unit.
 */
export function isSameConversation(common: number, slot: number, request: number): boolean {
  return common > Math.min(slot, request) / 2;
}
