// Between the slots of the batcher and the saved states: what a slot is about to lose is saved, and what a generation could go on from is
// read back. The caller owns the native context meanwhile: no decode runs.
import type { BatchContext } from "./addon.ts";
import { BadStateError } from "../shared/kv-cache/state-bytes.ts";
import { commonPrefixLength, MIN_SAVED_TOKENS } from "../shared/kv-cache/retention.ts";
import type { StateFolder } from "../shared/kv-cache/state-folder.ts";
import { createStateSaver } from "../shared/kv-cache/state-saver.ts";
import type { EmbeddedSlot } from "./slot.ts";
import { HEADER_WORDS, headerWords, type CachedTokens } from "./state-file.ts";

export type EmbeddedSlotStates = ReturnType<typeof createSlotStates>;

/** `key` is that of the folder's format; `log` takes a sentence about what failed. */
export function createSlotStates(
  context: BatchContext,
  folder: StateFolder<CachedTokens>,
  key: Uint8Array,
  log: (line: string) => void,
) {
  const saver = createStateSaver<CachedTokens>({
    ...{ folder, log },
    tokensOf: ({ tokens }) => tokens.length,
    replaces: (newer, older) => older.tokens.length < newer.tokens.length && covers(newer, older),
  });
  return { swap, save, settle: saver.settle };

  /**
   * Before a generation takes a slot: saves what the slot would lose, and loads a state that spares the generation clearly more reading
   * than what is read already does. `usable` says how many tokens of its prompt a state spares, and `spared` how many are read. Never
   * throws: what fails costs the reading.
   */
  async function swap(
    slot: EmbeddedSlot,
    prompt: readonly number[],
    { usable, spared }: { usable: (cached: CachedTokens) => number; spared: number },
  ): Promise<void> {
    if (slot.tokens.length - commonPrefixLength(slot.tokens, prompt) >= MIN_SAVED_TOKENS) await save(slot);
    const least = spared + MIN_SAVED_TOKENS;
    // The last token of a prompt is always read.
    if (least >= prompt.length) return;
    await saver.settle();
    const best = await saver.find(slot.scope, usable, least);
    if (best !== undefined) await saver.restore(best, (path) => load(slot, path, best));
  }

  /** Saves what the slot holds, unless that is saved already or too little. Never throws. */
  async function save(slot: EmbeddedSlot): Promise<void> {
    const cached = { tokens: Uint32Array.from(slot.tokens), exact: slot.exact };
    if (!saver.isSavable(cached)) return;
    await saver.settle();
    if ((await folder.states(slot.scope)).some((state) => covers(state, cached))) return;
    await saver.save(slot.scope, cached, async (path) => {
      await context.saveSequenceStateToFile(path, slot.sequence, headerWords(cached, key));
      return cached;
    });
  }

  async function load(slot: EmbeddedSlot, path: string, { tokens, exact }: CachedTokens): Promise<void> {
    clearSequence(context, slot);
    try {
      const words = await context.loadSequenceStateFromFile(path, slot.sequence, HEADER_WORDS + tokens.length);
      const first = context.getSequenceKvCacheMinPosition(slot.sequence);
      const last = context.getSequenceKvCacheMaxPosition(slot.sequence);
      const same = commonPrefixLength(words.subarray(HEADER_WORDS), tokens) === tokens.length;
      if (!same || first !== 0 || last !== tokens.length - 1) throw new BadStateError("Its cells are not those of its tokens.");
    } catch (error) {
      clearSequence(context, slot);
      throw error;
    }
    slot.tokens = Array.from(tokens);
    slot.exact = exact;
  }
}

/** The slot gets what another one holds. As `BatchContext` says of the call, a decode must follow before any state is saved or loaded. */
export async function copySlot(context: BatchContext, slot: EmbeddedSlot, source: EmbeddedSlot): Promise<void> {
  await context.copySequenceStateFromOtherSequence(slot.sequence, source.sequence);
  slot.tokens = [...source.tokens];
  slot.exact = source.exact;
  slot.unsettled = true;
}

export function clearSequence(context: BatchContext, slot: EmbeddedSlot): void {
  context.disposeSequence(slot.sequence);
  slot.tokens = [];
  slot.exact = 0;
}

/** Whether `one` can stand for `other` in every generation. */
function covers(one: CachedTokens, other: CachedTokens): boolean {
  return one.exact >= other.exact && commonPrefixLength(one.tokens, other.tokens) === other.tokens.length;
}
