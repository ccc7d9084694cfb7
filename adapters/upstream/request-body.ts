// A request as any server with OpenAI's API takes it: parameters that the client left out are left to that server.
import type { ChatRequest } from "../adapter.ts";
import type { CompletionRequest } from "../completion.ts";
import { chatBody, completionBody } from "../shared/openai-stream/request-body.ts";

/**
 * Holds the parameters that the client gave. The others have better defaults there: an answer is limited by that server's context, the
 * sampling is what its owner or its model's makers recommend, and a seed of ours would only cost it the batching of its samplers.
 */
export function upstreamBody(request: ChatRequest, model: string): Record<string, unknown> {
  const { continue_final_message } = request;
  return withoutUnasked(request, {
    ...extensions(request),
    ...chatBody(request, model),
    ...(continue_final_message !== undefined && { continue_final_message }),
    // vLLM and llama.cpp want this one false beside it, and have true as its default.
    ...(continue_final_message && { add_generation_prompt: false }),
  });
}

/** The same of a completion. */
export function upstreamCompletionBody(request: CompletionRequest, model: string): Record<string, unknown> {
  return withoutUnasked(request, { ...extensions(request), ...completionBody(request, model) });
}

/** What OpenAI's API does not have, and what only some requests do. */
function extensions(request: ChatRequest | CompletionRequest): Record<string, unknown> {
  const { top_k, min_p, repeat_penalty, grammar, samplers, hints, cache_prompt, choices } = request;
  return {
    ...hints,
    ...samplers,
    // llama.cpp and ingle read `repeat_penalty`, vLLM reads `repetition_penalty`: each ignores the other name.
    ...{ top_k, min_p, repeat_penalty, repetition_penalty: repeat_penalty },
    ...(grammar !== undefined && { grammar }),
    ...(choices && { n: choices.count }),
    ...(cache_prompt !== undefined && { cache_prompt }),
  };
}

function withoutUnasked({ unasked = [] }: Pick<ChatRequest, "unasked">, body: Record<string, unknown>): Record<string, unknown> {
  const left = new Set<string>([...unasked, ...(unasked.includes("repeat_penalty") ? ["repetition_penalty"] : [])]);
  return Object.fromEntries(Object.entries(body).filter(([name]) => !left.has(name)));
}
