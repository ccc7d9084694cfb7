// A chat request as any server with OpenAI's API takes it: what nobody asked for is left to that server.
import type { ChatRequest, Unasked } from "../adapter.ts";
import { chatBody } from "../shared/openai-stream/request-body.ts";

/**
 * The parameters that were asked for. What is left out has a better value there: the limit of an answer is that server's context, the
 * sampling is what its owner or its model's makers recommend, and a seed of ours would only cost it the batching of its samplers.
 */
export function bodyOf(request: ChatRequest, model: string): Record<string, unknown> {
  const { top_k, min_p, repeat_penalty, grammar, samplers, unasked = [] } = request;
  const body: Record<string, unknown> = {
    ...samplers,
    ...chatBody(request, model),
    // llama.cpp's name, which ingle has too, and vLLM's: each passes over the other.
    ...{ top_k, min_p, repeat_penalty, repetition_penalty: repeat_penalty },
    ...(grammar !== undefined && { grammar }),
  };
  for (const name of unasked) for (const wire of WIRE[name] ?? [name]) delete body[wire];
  return body;
}

const WIRE: Partial<Record<Unasked, string[]>> = { repeat_penalty: ["repeat_penalty", "repetition_penalty"] };
