// Which slot a generation gets, and how many of the tokens in it are reused.
import type { AddonContext } from "./addon.ts";
import { clearSequence } from "./slot-states.ts";
import type { EmbeddedSlot, GenerationTask } from "./slot.ts";
import { chooseSlot, commonPrefixLength } from "../shared/kv-cache/retention.ts";
import type { CachedTokens } from "./state-file.ts";

// llama.cpp's attention on a processor reads a whole tile of tokens (GGML_FA_TILE_Q in ggml) nearly twice as fast as one token less, each of
// which it takes by itself: to read some tokens again is faster than to come just short of a tile.
const TILE = 64;
const NEARLY_A_TILE = 40;

/** `batch` and `trimmable`: those of `BatcherOptions`. */
export function createSlotSelection(
  context: AddonContext,
  { slots, batch, trimmable }: { slots: readonly EmbeddedSlot[]; batch: number; trimmable: boolean },
) {
  return { choose, usable, trim };

  /** The free slot of the same conversation, else the one that was used longest ago; undefined where none is free. */
  function choose(task: GenerationTask): EmbeddedSlot | undefined {
    return chooseSlot(slots, task.prompt.length, (slot) => {
      if (slot.scope !== task.scope) return { reused: 0, common: 0, length: slot.tokens.length };
      const common = commonPrefixLength(slot.tokens, task.prompt);
      return { reused: usable(slot, task), common, length: slot.tokens.length };
    });
  }

  /** How many of the cached tokens the task can reuse. */
  function usable({ tokens, exact }: CachedTokens, { prompt, repeatable, reuses }: GenerationTask): number {
    if (!reuses) return 0;
    // The last token of the prompt is always fed: its logits are what the answer begins with.
    let reused = Math.min(commonPrefixLength(tokens, prompt), prompt.length - 1);
    if (repeatable) reused = Math.floor(Math.min(reused, exact) / batch) * batch;
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
