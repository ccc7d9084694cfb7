// What is worth a file, or a slot, and when a file is written: the same for both engines.

/** Tokens whose reading is worth a file. */
export const MIN_SAVED_TOKENS = 256;

/**
 * In ms: when nothing has run for so long, the slots are written down. A person who reads the answer is often back by then. A state is
 * large: after every turn it would wear the disk out.
 */
export const SAVE_IDLE_MS = 30_000;

/** Closing begins no further save after that, in ms: whoever waits for an engine's end is not patient. */
export const SAVE_ON_CLOSE_MS = 4_000;

/** How many tokens, or marks, two sequences begin with alike. */
export function commonPrefixLength(one: ArrayLike<unknown>, other: ArrayLike<unknown>): number {
  const most = Math.min(one.length, other.length);
  let same = 0;
  while (same < most && one[same] === other[same]) same++;
  return same;
}

/**
 * Whether a turn belongs in the slot of a conversation that begins as its own does for so long: for most of the slot, or of the turn. A
 * smaller overlap, such as a shared system prompt, is not worth another conversation's memory. All three in one unit.
 */
export function isSameConversation(same: number, held: number, wanted: number): boolean {
  return same > Math.min(held, wanted) / 2;
}
