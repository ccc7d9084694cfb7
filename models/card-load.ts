// How much of a load graphics cards hold. A layer lies on a card or in main memory, with its part of every context.
import type { AdapterOptions } from "./adapter-options.ts";
import { STEP_TOKENS } from "./embedding-sizes.ts";
import type { GgufHeader } from "./gguf/header.ts";
import type { GraphicsCard } from "./graphics-cards.ts";
import { type ContextLoad, type MemoryNeed, ROUGH_COMPUTE, stepBytes } from "./memory-estimate.ts";

/** In bytes. */
export interface CardLoad {
  /** Layers that the cards hold, the last ones, the output counted as one; absent where that is not known, without a header. */
  layers?: { held: number; all: number };
  /** Whether they hold all of them. */
  whole: boolean;
  /** What lies on the cards. */
  bytes: number;
  /** By how much less main memory the load takes; less than `bytes`, as some lies in both. */
  spared: number;
}

export interface CardLoadOptions {
  cards: readonly GraphicsCard[];
  need: MemoryNeed;
  load: ContextLoad;
  options: AdapterOptions;
}

/** The most layers that fit, or those that the options ask for where these do. */
export function cardLoad(header: GgufHeader, { cards, need, load, options }: CardLoadOptions): CardLoad {
  const { block_count, embedding_bytes, output_bytes, tied, vocab_size } = header;
  const all = block_count + 1;
  // The card gets a copy of an output that is the input too.
  const own_output = tied ? 0 : output_bytes;
  const layer = (need.weights - embedding_bytes - own_output + need.context) / Math.max(1, block_count);
  const buffers = stepBytes(header, load, options);
  // The rows of all tokens of a step are reserved, unlike in main memory, where only pages that are touched count.
  const logits = 4 * STEP_TOKENS * vocab_size;
  const fits = (held: number): boolean =>
    spread(held, cards).every((count, index, counts) => {
      if (count === 0) return true;
      const is_last = counts.slice(index + 1).every((later) => later === 0);
      const bytes = is_last ? (count - 1) * layer + output_bytes + logits : count * layer;
      return bytes + buffers <= usableBytes(cards[index]!);
    });
  const most = Math.min(options.gpu_layers ?? all, all);
  let held = most;
  while (held > 0 && !fits(held)) held--;
  if (held === 0) return { layers: { held, all }, whole: false, bytes: 0, spared: 0 };
  const used = spread(held, cards).filter((count) => count > 0).length;
  const bytes = Math.ceil((held - 1) * layer + output_bytes + logits + used * buffers);
  const spared = isUnified(cards) ? 0 : Math.floor((held - 1) * layer + own_output);
  return { layers: { held, all }, whole: held === all, bytes, spared };
}

/** The same without a header, as if a model could be cut anywhere. */
export function roughCardLoad({ cards, need, options }: Omit<CardLoadOptions, "load">): CardLoad {
  const room = cards.reduce((sum, card) => sum + Math.max(0, usableBytes(card) - ROUGH_COMPUTE), 0);
  const all = need.weights + need.context;
  // What a number of layers takes is not known here.
  const held = options.gpu_layers === 0 ? 0 : Math.min(room, all);
  const bytes = held === 0 ? 0 : held + ROUGH_COMPUTE;
  return { whole: held === all, bytes, spared: isUnified(cards) ? 0 : held };
}

/** How many layers each card gets, as llama.cpp spreads them: in proportion to what is free (`get_layer_buft_list` of llama-model.cpp). */
function spread(layers: number, cards: readonly GraphicsCard[]): number[] {
  const free = cards.reduce((sum, { free_bytes }) => sum + free_bytes, 0);
  let [below, before] = [0, 0];
  return cards.map(({ free_bytes }, index) => {
    below += free_bytes;
    const until = index === cards.length - 1 ? layers : Math.min(layers, Math.ceil((layers * below) / free));
    const count = until - before;
    before = until;
    return count;
  });
}

/** What node-llama-cpp leaves free (`defaultLlamaVramPadding`): drivers take some, and a screen. */
const usableBytes = ({ total_bytes, free_bytes }: GraphicsCard): number =>
  free_bytes - Math.min(0.08 * total_bytes, 1.6 * 1024 ** 3);

const isUnified = (cards: readonly GraphicsCard[]): boolean => cards.some(({ unified }) => unified);
