// Between the slots of the batcher and the saved states: what a slot is about to lose is saved, and what a generation could go on from is
// read back. The caller owns the native context meanwhile: no decode runs.
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
   * Before a generation takes a slot: saves what the slot would lose, and loads a state that spares the generation clearly more reading
   * than the slot does. `usable` says how many tokens of its prompt need no reading. Never throws: what fails costs the reading.
   */
  swap(slot: SequenceCells, prompt: readonly number[], usable: (cached: CachedTokens) => number): Promise<void>;
  /** Saves what the slot holds, unless that is saved already or too little. Never throws. */
  save(slot: SequenceCells): Promise<void>;
  /** Resolves when every state that was written has its name. */
  settle(): Promise<void>;
}

/** `key` is that of the folder's format; `log` takes a sentence about what failed. */
export function createSlotStates(
  context: AddonContext,
  folder: EmbeddedStateFolder,
  key: Uint8Array,
  log: (line: string) => void,
): EmbeddedSlotStates {
  /** Digests of written files are made beside the next decodes: they take as long as the writing. */
  let sealing: Promise<void> = Promise.resolve();
  /** In tokens: a state of this length did not fit, so none as long is begun. */
  let too_long = Number.POSITIVE_INFINITY;

  const logNotSaved = (error: Error): void => log(`The state of a conversation could not be saved: ${error.message}`);

  const write = async (slot: SequenceCells): Promise<void> => {
    const cached = { tokens: Uint32Array.from(slot.tokens), exact: slot.exact };
    if (cached.tokens.length < MIN_SAVED_TOKENS || cached.tokens.length >= too_long) return;
    await sealing;
    if ((await folder.states()).some((state) => covers(state, cached))) return;
    const path = await folder.begin(cached);
    try {
      await context.saveSequenceStateToFile(path, slot.sequence, headerWords(cached, key));
    } catch (error) {
      await folder.discard(path);
      throw error;
    }
    sealing = seal(path, cached).catch(logNotSaved);
  };

  const seal = async (path: string, cached: CachedTokens): Promise<void> => {
    const { length } = cached.tokens;
    const fits = await folder.commit(path, cached, (state) => state.tokens.length < length && covers(cached, state));
    if (!fits) too_long = length;
  };

  const save = (slot: SequenceCells): Promise<void> => write(slot).catch(logNotSaved);

  const load = async (slot: SequenceCells, path: string, { tokens, exact }: EmbeddedState): Promise<void> => {
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
  };

  const restore = async (slot: SequenceCells, least: number, usable: (cached: CachedTokens) => number): Promise<void> => {
    await sealing;
    const best = await folder.best(usable, least);
    if (best === undefined) return;
    await folder
      .restore(best, (path) => load(slot, path, best))
      .catch((error: Error) => log(`The state of a conversation was not used: ${error.message}`));
  };

  return {
    async swap(slot, prompt, usable) {
      if (slot.tokens.length - commonPrefixLength(slot.tokens, prompt) >= MIN_SAVED_TOKENS) await save(slot);
      const least = usable(slot) + MIN_SAVED_TOKENS;
      // The last token of a prompt is always read.
      if (least < prompt.length) await restore(slot, least, usable);
    },
    save,
    settle: () => sealing,
  };
}

export function clearSequence(context: AddonContext, cells: SequenceCells): void {
  context.disposeSequence(cells.sequence);
  cells.tokens = [];
  cells.exact = 0;
}

/** Whether `one` can stand for `other` in every generation. */
function covers(one: CachedTokens, other: CachedTokens): boolean {
  return one.exact >= other.exact && commonPrefixLength(one.tokens, other.tokens) === other.tokens.length;
}
