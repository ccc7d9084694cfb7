// The prompt of a completion as tokens: as it is, or around a gap.
import { AdapterError } from "../../adapter.ts";
import type { CompletionRequest } from "../../completion.ts";
import { checkTokens } from "../check-tokens.ts";
import type { ChatParts } from "../chat/chat.ts";

/** Throws `AdapterError`; its `param` is `prompt`, a token of it, or `suffix`. */
export async function promptTokens(
  { prompt, suffix }: Pick<CompletionRequest, "prompt" | "suffix">,
  parts: ChatParts,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const { prompts } = parts;
  if (typeof prompt !== "string") checkTokens(prompt, prompts.vocab_size, "prompt");
  if (suffix !== undefined) return aroundGap(prompt, suffix, parts, signal);
  const tokens = typeof prompt === "string" ? await textTokens(prompt, true, parts, signal) : prompt;
  if (tokens.length > 0) return tokens;
  throw new AdapterError("request_refused", "The prompt has no tokens. Send a text.", { param: "prompt" });
}

/** In the order of llama.cpp's `format_prompt_infill`, https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-common.cpp. */
async function aroundGap(
  before: string | readonly number[],
  behind: string,
  parts: ChatParts,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const { fill_in } = parts.prompts;
  if (fill_in === undefined) {
    const message = '"suffix" needs a model with tokens around a gap, which this one has not. Leave it out.';
    throw new AdapterError("request_unsupported", message, { param: "suffix" });
  }
  const { start, prefix, suffix, middle } = fill_in;
  const front = typeof before === "string" ? await textTokens(before, false, parts, signal) : before;
  const back = await textTokens(behind, false, parts, signal);
  return [...(start === undefined ? [] : [start]), prefix, ...front, suffix, ...back, middle];
}

/** `whole`: it is all of the prompt, in which names of special tokens become these. */
function textTokens(text: string, whole: boolean, { engine, tokenizer }: ChatParts, signal: AbortSignal): Promise<number[]> {
  const { context_length } = engine;
  return tokenizer.tokenize(text, { add_special: whole, parse_special: whole, context_length }, signal);
}
