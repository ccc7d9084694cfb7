// A request as servers with OpenAI's API take it.
import type { ChatRequest } from "../../adapter.ts";
import type { CompletionRequest } from "../../completion.ts";

/**
 * The body of a streamed `POST /chat/completions`, with the parameters that all such servers know; those of its own each adapter adds
 * (`top_k`, `min_p`, `repeat_penalty`, `grammar` and what is in `samplers`).
 */
export function chatBody(request: ChatRequest, model: string): Record<string, unknown> {
  const { messages, tools, tool_choice, parallel_tool_calls, logprobs } = request;
  return {
    ...{ model, messages },
    ...samplingBody(request),
    ...(tools && { tools }),
    ...(tool_choice && {
      tool_choice: typeof tool_choice === "string" ? tool_choice : { type: "function", function: tool_choice },
    }),
    ...(parallel_tool_calls !== undefined && { parallel_tool_calls }),
    ...(logprobs && { logprobs: true, top_logprobs: logprobs.top }),
  };
}

/** The same of a streamed `POST /completions`. */
export function completionBody(request: CompletionRequest, model: string): Record<string, unknown> {
  const { prompt, suffix, logprobs } = request;
  return {
    ...{ model, prompt },
    ...samplingBody(request),
    ...(suffix !== undefined && { suffix }),
    ...(logprobs && { logprobs: logprobs.top }),
  };
}

function samplingBody(request: ChatRequest | CompletionRequest): Record<string, unknown> {
  const { max_tokens, temperature, top_p, frequency_penalty, presence_penalty, seed, stop } = request;
  const { response_format, logit_bias } = request;
  return {
    ...{ max_tokens, temperature, top_p, frequency_penalty, presence_penalty, seed },
    stream: true,
    stream_options: { include_usage: true },
    ...(stop.length > 0 && { stop }),
    ...(response_format && { response_format }),
    ...(logit_bias && { logit_bias }),
  };
}
