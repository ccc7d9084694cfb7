// How many tokens of a text are computed at a time where a vector or a score is made of it, and how long such a text may be.
import type { Model } from "./manifest.ts";
import { embeddingPooling, writesText } from "./tasks.ts";

/** Tokens of one step of a generation, and of a text that follows it. */
export const STEP_TOKENS = 512;

/** Models that see a text in both directions: the work for one that long takes many seconds, and its memory grows with the square. */
const MOST_TOKENS = 8_192;

/** A model that could write computes the likelihood of each word behind each token, asked for or not: 4 bytes for each of its vocabulary. */
const MOST_TOKENS_OF_WRITERS = 2_048;

export interface EmbeddingSizes {
  /** Tokens of one step. */
  step: number;
  /** Tokens of the longest text. */
  longest: number;
}

/** `context`: tokens of a slot. */
export function embeddingSizes(model: Pick<Model, "pooling" | "causal" | "adapter_options">, context: number): EmbeddingSizes {
  const { causal = true } = model;
  // The last token has seen all before it, however many steps that took. llama-server keeps one position for itself.
  if (causal && embeddingPooling(model) === "last") return { step: Math.min(STEP_TOKENS, context), longest: context - 1 };
  const most = writesText(model) ? STEP_TOKENS : causal ? MOST_TOKENS_OF_WRITERS : MOST_TOKENS;
  const step = Math.min(most, context);
  return { step, longest: step };
}
