// Which slot a generation gets, and how many of the tokens in it are reused.
import type { BatchContext } from "./addon.ts";
import { clearSequence } from "./slot-states.ts";
import type { EmbeddedSlot, GenerationTask } from "./slot.ts";
import { chooseSlot, commonPrefixLength, wholeBatches } from "../shared/kv-cache/retention.ts";
import type { CachedTokens } from "./state-file.ts";

// llama.cpp's attention on a processor reads a whole tile of tokens (GGML_FA_TILE_Q in ggml) nearly twice as fast as one token less, each of
// which it takes by itself: to read some tokens again is faster than to come just short of a tile.
const TILE = 64;
const NEARLY_A_TILE = 40;

// A copy takes the time of reading some ten tokens, or more where slots are long: all cells of a slot are copied.
const MIN_COPIED_TOKENS = 256;

/** `batch` and `trimmable`: those of `BatcherOptions`. */
export function createSlotSelection(
  context: BatchContext,
  { slots, batch, trimmable }: { slots: readonly EmbeddedSlot[]; batch: number; trimmable: boolean },
) {
  return { choose, usable, usableOf, source, trim };

  /**
   * One slot for each choice, undefined where too few are free: the free slot of the same conversation, else the one that was used longest
   * ago; and the next ones of those.
   */
  function choose(task: GenerationTask): readonly [EmbeddedSlot, ...EmbeddedSlot[]] | undefined {
    const count = task.samplers.length;
    const first = chooseSlot(slots, task.prompt.length, (slot) => {
      if (slot.scope !== task.scope) return { reused: 0, common: 0, length: slot.tokens.length };
      const common = commonPrefixLength(slot.tokens, task.prompt);
      return { reused: usableOf(slot, task), common, length: slot.tokens.length };
    });
    if (first === undefined || count === 1) return first && [first];
    const others = slots
      .filter((slot) => slot !== first && slot.generation === undefined)
      .sort((a, b) => Number(a.tokens.length > 0) - Number(b.tokens.length > 0) || a.last_used - b.last_used);
    return others.length < count - 1 ? undefined : [first, ...others.slice(0, count - 1)];
  }

  /** How many tokens of a slot the task can reuse. A generation that goes on from the slot's own reads on where that has stopped. */
  function usableOf(slot: EmbeddedSlot, task: GenerationTask): number {
    if (slot.scope !== task.scope) return 0;
    return usable(slot, task.continues === slot.sequence ? { ...task, repeatable: false, reuses: true } : task);
  }

  /** The slot that has read so much more of the prompt than `slot` that its cells are worth a copy. */
  function source(slot: EmbeddedSlot, task: GenerationTask): { slot: EmbeddedSlot; usable: number } | undefined {
    const [best] = slots
      .filter((other) => other !== slot && other.scope === task.scope && other.tokens.length >= MIN_COPIED_TOKENS)
      .map((other) => ({ slot: other, usable: usable(other, task) }))
      .sort((a, b) => b.usable - a.usable);
    return best !== undefined && best.usable >= usableOf(slot, task) + MIN_COPIED_TOKENS ? best : undefined;
  }

  /** How many of the cached tokens the task can reuse. */
  function usable({ tokens, exact }: CachedTokens, { prompt, repeatable, reuses }: GenerationTask): number {
    if (!reuses) return 0;
    // The last token of the prompt is always fed: its logits are what the answer begins with.
    let reused = Math.min(commonPrefixLength(tokens, prompt), prompt.length - 1);
    if (repeatable) reused = wholeBatches(Math.min(reused, exact), batch);
    else if (trimmable && prompt.length >= TILE && isNearlyTile(prompt.length - reused)) reused = prompt.length - TILE;
    return reused < tokens.length && !trimmable ? 0 : reused;
  }

  /** Keeps the first tokens of a slot, or none of them where the model's memory cannot be cut. */
  function trim(slot: EmbeddedSlot, keep: number): void {
    if (keep === slot.tokens.length) return;
    if (keep > 0 && context.removeTokenCellsFromSequence(slot.sequence, keep, -1)) {
      slot.tokens.length = keep;
      slot.exact = Math.min(slot.exact, keep);
    } else clearSequence(context, slot);
  }
}

function isNearlyTile(tokens: number): boolean {
  return tokens >= NEARLY_A_TILE && tokens < TILE;
}
