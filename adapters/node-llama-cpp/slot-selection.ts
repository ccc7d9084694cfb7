// Which slot a turn gets, and how much of what lies there it keeps.
import type { AddonContext } from "./addon.ts";
import type { RunningGeneration, EmbeddedSlot, GenerationTask } from "./slot.ts";
import { isSameConversation, commonPrefixLength } from "../shared/kv-cache/retention.ts";
import type { CachedTokens } from "./state-file.ts";

export interface EmbeddedSlotSelection {
  /** The free slot of the same conversation, else the one that was used longest ago; undefined where none is free. */
  choose(turn: RunningGeneration): EmbeddedSlot | undefined;
  /** How many of these tokens the turn can keep. */
  usable(held: CachedTokens, turn: GenerationTask): number;
  /** Keeps the first tokens of a slot, or none of them where the model's memory cannot be cut. */
  trim(slot: EmbeddedSlot, keep: number): void;
  forget(slot: EmbeddedSlot): void;
}

export interface EmbeddedSlotSelectionOptions {
  slots: readonly EmbeddedSlot[];
  /** Tokens one step may decode. */
  batch: number;
  /** Whether a part of a sequence's memory can be forgotten. */
  trimmable: boolean;
}

// llama.cpp's attention on a processor reads so many tokens at once nearly twice as fast as one less, each of which it takes by itself
// (GGML_FA_TILE_Q in ggml): it is faster to read some tokens again than to come just short of it.
const TILE = 64;
const NEARLY_A_TILE = 40;

export function createSlotSelection(
  context: AddonContext,
  { slots, batch, trimmable }: EmbeddedSlotSelectionOptions,
): EmbeddedSlotSelection {
  return { choose, usable, trim, forget };

  function choose(turn: RunningGeneration): EmbeddedSlot | undefined {
    const free = slots.filter((slot) => slot.generation === undefined).sort((a, b) => a.last_used - b.last_used);
    const best = free
      .map((slot) => ({ slot, cached: usable(slot, turn), same: commonPrefixLength(slot.tokens, turn.prompt) }))
      .sort((a, b) => b.cached - a.cached || b.same - a.same)[0];
    // Also where the turn may reuse none of it: it is of no use to others.
    return best !== undefined && isSameConversation(best.same, best.slot.tokens.length, turn.prompt.length) ? best.slot : free[0];
  }

  function usable({ tokens, exact }: CachedTokens, { prompt, repeatable }: GenerationTask): number {
    // The last token of the prompt is always fed: its logits are what the answer begins with.
    let same = Math.min(commonPrefixLength(tokens, prompt), prompt.length - 1);
    if (repeatable) same = Math.floor(Math.min(same, exact) / batch) * batch;
    else if (trimmable && prompt.length >= TILE && isNearlyTile(prompt.length - same)) same = prompt.length - TILE;
    return same < tokens.length && !trimmable ? 0 : same;
  }

  function trim(slot: EmbeddedSlot, keep: number): void {
    if (keep === slot.tokens.length) return;
    if (keep > 0 && context.removeTokenCellsFromSequence(slot.sequence, keep, -1)) {
      slot.tokens.length = keep;
      slot.exact = Math.min(slot.exact, keep);
    } else forget(slot);
  }

  function forget(slot: EmbeddedSlot): void {
    context.disposeSequence(slot.sequence);
    slot.tokens = [];
    slot.exact = 0;
  }
}

function isNearlyTile(tokens: number): boolean {
  return tokens >= NEARLY_A_TILE && tokens < TILE;
}
