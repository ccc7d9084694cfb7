// A chat request as any server with OpenAI's API takes it: parameters that the client left out are left to that server.
import type { ChatRequest } from "../adapter.ts";
import { chatBody } from "../shared/openai-stream/request-body.ts";

/**
 * Holds the parameters that the client gave. The others have better defaults there: an answer is limited by that server's context, the
 * sampling is what its owner or its model's makers recommend, and a seed of ours would only cost it the batching of its samplers.
 */
export function upstreamBody(request: ChatRequest, model: string): Record<string, unknown> {
  const { top_k, min_p, repeat_penalty, grammar, samplers, hints, cache_prompt, continue_final_message, choices } = request;
  const { unasked = [] } = request;
  const body: Record<string, unknown> = {
    ...hints,
    ...samplers,
    ...chatBody(request, model),
    // llama.cpp and ingle read `repeat_penalty`, vLLM reads `repetition_penalty`: each ignores the other name.
    ...{ top_k, min_p, repeat_penalty, repetition_penalty: repeat_penalty },
    ...(grammar !== undefined && { grammar }),
    ...(choices && { n: choices.count }),
    ...(cache_prompt !== undefined && { cache_prompt }),
    ...(continue_final_message !== undefined && { continue_final_message }),
    // vLLM and llama.cpp want this one false beside it, and have true as its default.
    ...(continue_final_message && { add_generation_prompt: false }),
  };
  for (const name of unasked) delete body[name];
  if (unasked.includes("repeat_penalty")) delete body.repetition_penalty;
  return body;
}
