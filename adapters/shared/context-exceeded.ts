// The refusal of a prompt that is too long, the same from every engine. Agents and libraries shorten their conversation where they read the
// words "prompt is too long" or "this model's maximum context length is N tokens", or the code.
import { AdapterError } from "../adapter.ts";
import type { ContextCounts } from "../error-options.ts";

/** `counted`: "some" where the prompt has more tokens than were counted. */
export function contextExceeded(counts: ContextCounts, counted: "all" | "some" = "all"): AdapterError {
  return new AdapterError("context_length_exceeded", contextMessage(counts, counted), { context: counts });
}

export function contextMessage({ n_prompt_tokens, n_ctx }: ContextCounts, counted: "all" | "some" = "all"): string {
  const count = n_prompt_tokens === undefined ? "" : `: it has ${counted === "all" ? "" : "more than "}${n_prompt_tokens} tokens`;
  return `The prompt is too long${count}, and this model's maximum context length is ${n_ctx} tokens, the answer included. Shorten it.`;
}
