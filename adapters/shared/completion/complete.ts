// A completion of an engine that knows tokens alone: the prompt as it is, and what each answer is generated under.
import { AdapterError, type ChatEvent, type CompletionRequest, type Engine } from "../../adapter.ts";
import { checkTokens } from "../check-tokens.ts";
import type { ChatParts } from "../chat/chat.ts";
import { generateAnswers, tokenRequest } from "../chat/generate-answers.ts";
import { planText, tryGrammar } from "../chat/plan-answer.ts";
import { contextExceeded } from "../context-exceeded.ts";

export function createComplete(parts: ChatParts): NonNullable<Engine["complete"]> {
  const { engine, prompts } = parts;
  return async function* complete(request, signal) {
    signal.throwIfAborted();
    await tryGrammar(request, prompts, signal);
    const plan = planText(request);
    const prompt = await promptTokens(request, parts, signal);
    if (request.max_tokens === 0) return yield finishWithout(prompt, engine.context_length);
    yield* generateAnswers(parts, { plan, tokens: tokenRequest(request, prompt), choices: request.choices }, signal);
  };
}

async function promptTokens(
  { prompt }: CompletionRequest,
  { engine: { context_length }, prompts, tokenizer }: ChatParts,
  signal: AbortSignal,
): Promise<readonly number[]> {
  if (typeof prompt !== "string") {
    checkTokens(prompt, prompts.vocab_size, "prompt");
    return prompt;
  }
  const tokens = await tokenizer.tokenize(prompt, { add_special: true, parse_special: true, context_length }, signal);
  if (tokens.length > 0) return tokens;
  throw new AdapterError("request_refused", "The prompt has no tokens. Send a text.", { param: "prompt" });
}

/** The end of an answer that may have no tokens. */
function finishWithout(prompt: readonly number[], context_length: number): ChatEvent {
  const prompt_tokens = prompt.length;
  if (prompt_tokens >= context_length) throw contextExceeded({ n_prompt_tokens: prompt_tokens, n_ctx: context_length });
  return { type: "finish", reason: "length", usage: { prompt_tokens, completion_tokens: 0, cached_tokens: 0 } };
}
