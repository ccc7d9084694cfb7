// A chat of an engine that knows tokens alone.
import { AdapterError, type ChatEvent, type ChatRequest, type Engine } from "../../adapter.ts";
import type { ModelPrompts, Prompt } from "../../prompts.ts";
import type { TokenEngine, TokenEvent, TokenRequest } from "../../token-engine.ts";

export function createChat(engine: TokenEngine, prompts: ModelPrompts): Engine["chat"] {
  return async function* chat(request, signal) {
    const prompt = await prompts.render(request, engine.context_length, signal);
    const tokens = await tokensOf(prompt, engine, signal);
    for await (const event of engine.generate(tokenRequest(request, tokens), signal)) yield toChatEvent(event);
  };
}

async function tokensOf(prompt: Prompt, engine: TokenEngine, signal: AbortSignal): Promise<number[]> {
  if ("tokens" in prompt) return prompt.tokens;
  if (engine.tokenize !== undefined) return engine.tokenize(prompt.pieces, signal);
  throw new AdapterError("engine_unavailable", "The library that reads the vocabularies of models is not here.");
}

function tokenRequest(request: ChatRequest, prompt: readonly number[]): TokenRequest {
  const { max_tokens, temperature, top_p, top_k, min_p, repeat_penalty, frequency_penalty, presence_penalty } = request;
  const { seed, repeatable, cache_scope, cache_prompt, stop, logprobs, logit_bias, samplers } = request;
  return {
    ...{ prompt, max_tokens, temperature, top_p, top_k, min_p, repeat_penalty, frequency_penalty, presence_penalty },
    ...{ seed, repeatable, cache_scope, stop },
    ...(cache_prompt !== undefined && { cache_prompt }),
    ...(logprobs && { logprobs }),
    ...(logit_bias && { logit_bias }),
    ...(samplers && { samplers }),
  };
}

function toChatEvent(event: TokenEvent): ChatEvent {
  if (event.type !== "finish") return event;
  const { type, reason, usage } = event;
  return { type, reason, usage };
}
