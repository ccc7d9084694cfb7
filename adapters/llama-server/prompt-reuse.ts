// How much of a prompt is taken from a slot or a saved state. A repeatable request reuses what was read in whole batches from the start, and
// llama-server would reuse all that the prompt has in common.
import { commonPrefixLength, wholeBatches } from "../shared/kv-cache/retention.ts";
import type { TokenRequest } from "../token-engine.ts";
import type { SavedTokens } from "./state-file.ts";

/** What a request reuses of the beginning that its prompt has in common with what is there. */
export type PromptReuse = "nothing" | "whole batches" | "all";

/** In tokens of the prompt. `batch`: as `batchSize`. */
export function reusedTokens(
  { tokens, exact }: Omit<SavedTokens, "prompt">,
  prompt: readonly number[],
  reuse: PromptReuse,
  batch: number,
): number {
  if (reuse === "nothing") return 0;
  const common = commonPrefixLength(tokens, prompt);
  // The last token of a prompt is always read.
  return reuse === "all" ? common : wholeBatches(Math.min(common, exact, prompt.length - 1), batch);
}

/** A repeatable request reads on where a read of its whole prompt would begin a batch. */
export function reuseOf({ repeatable, cache_prompt }: Pick<TokenRequest, "repeatable" | "cache_prompt">): PromptReuse {
  if (cache_prompt === false) return "nothing";
  return repeatable ? "whole batches" : "all";
}
