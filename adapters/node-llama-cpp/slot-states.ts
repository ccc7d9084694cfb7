// Between the slots of the batcher and the states on the disk: what a slot is about to lose is written down, and what a turn could
// go on from is read back. Whoever calls owns the native context meanwhile: no decode runs.
import type { AddonContext } from "./addon.ts";
import { BadStateError } from "../shared/kv-cache/state-bytes.ts";
import { commonPrefixLength, MIN_SAVED_TOKENS } from "../shared/kv-cache/retention.ts";
import { HEADER_WORDS, headerWords, type CachedTokens, type EmbeddedState, type EmbeddedStateFolder } from "./state-file.ts";

/** The cells of one sequence. */
export interface SequenceCells extends CachedTokens {
  readonly sequence: number;
  tokens: number[];
  exact: number;
}

export interface EmbeddedSlotStates {
  /**
   * Before a turn takes a slot: writes down what it would lose, and loads a state that spares the turn clearly more than what is
   * there. `spares` says how many tokens of its prompt need no reading. Never throws: what fails costs the reading.
   */
  swap(slot: SequenceCells, prompt: readonly number[], spares: (held: CachedTokens) => number): Promise<void>;
  /** Writes down what the slot holds, unless that is on the disk already or too little. Never throws. */
  save(slot: SequenceCells): Promise<void>;
  /** Resolves when everything that was written down has its name. */
  settle(): Promise<void>;
}

/** `key` is that of the folder's format; `log` takes a sentence about what failed. */
export function createSlotStates(
  context: AddonContext,
  folder: EmbeddedStateFolder,
  key: Uint8Array,
  log: (line: string) => void,
): EmbeddedSlotStates {
  /** The sums of what was written are made beside the next decodes: they take as long as the writing. */
  let sealing: Promise<void> = Promise.resolve();
  /** Bytes per token, once it is known, and what fits: larger ones are not even begun. */
  let largest = Number.POSITIVE_INFINITY;

  const notKept = (error: Error): void => log(`The state of a conversation could not be kept: ${error.message}`);

  const write = async (slot: SequenceCells): Promise<void> => {
    const held = { tokens: Uint32Array.from(slot.tokens), exact: slot.exact };
    if (held.tokens.length < MIN_SAVED_TOKENS || held.tokens.length >= largest) return;
    await sealing;
    if ((await folder.states()).some((state) => covers(state, held))) return;
    const path = await folder.begin(held);
    const discard = async (error: Error): Promise<void> => {
      await folder.discard(path);
      notKept(error);
    };
    const written = context.saveSequenceStateToFile(path, slot.sequence, headerWords(held, key));
    await written.then(() => void (sealing = finish(path, held).catch(discard)), discard);
  };

  /** What the new state covers is of no use any more: earlier turns of the same conversation. */
  const finish = async (path: string, held: CachedTokens): Promise<void> => {
    const older = (await folder.states()).filter((state) => state.tokens.length < held.tokens.length && covers(held, state));
    if (!(await folder.commit(path, held))) largest = held.tokens.length;
    else for (const state of older) await folder.remove(state);
  };

  const keep = (slot: SequenceCells): Promise<void> => write(slot).catch(notKept);

  const forget = (slot: SequenceCells): void => {
    context.disposeSequence(slot.sequence);
    slot.tokens = [];
    slot.exact = 0;
  };

  const load = async (slot: SequenceCells, path: string, { tokens, exact }: EmbeddedState): Promise<void> => {
    forget(slot);
    const words = await context.loadSequenceStateFromFile(path, slot.sequence, HEADER_WORDS + tokens.length);
    const first = context.getSequenceKvCacheMinPosition(slot.sequence);
    const last = context.getSequenceKvCacheMaxPosition(slot.sequence);
    const same = commonPrefixLength(words.subarray(HEADER_WORDS), tokens) === tokens.length;
    if (!same || first !== 0 || last !== tokens.length - 1) throw new BadStateError("Its cells are not those of its tokens.");
    slot.tokens = Array.from(tokens);
    slot.exact = exact;
  };

  const restore = async (slot: SequenceCells, least: number, spares: (held: CachedTokens) => number): Promise<void> => {
    await sealing;
    const best = await folder.best(spares, least);
    if (best === undefined) return;
    try {
      const path = await folder.checked(best);
      await load(slot, path, best).catch((error) => {
        forget(slot);
        throw error;
      });
    } catch (error) {
      await folder.remove(best);
      log(`The state of a conversation was not used: ${(error as Error).message}`);
    }
  };

  return {
    async swap(slot, prompt, spares) {
      if (slot.tokens.length - commonPrefixLength(slot.tokens, prompt) >= MIN_SAVED_TOKENS) await keep(slot);
      const least = spares(slot) + MIN_SAVED_TOKENS;
      // The last token of a prompt is always read.
      if (least < prompt.length) await restore(slot, least, spares);
    },
    save: keep,
    settle: () => sealing,
  };
}

/** Whether `one` can stand for `other` in every turn. */
function covers(one: CachedTokens, other: CachedTokens): boolean {
  return one.exact >= other.exact && commonPrefixLength(one.tokens, other.tokens) === other.tokens.length;
}
