// A chat request as servers with OpenAI's API take it.
import type { ChatRequest } from "../../adapter.ts";

/**
 * The body of a streamed `POST /chat/completions`, with the parameters that all such servers know; those of its own each adapter adds
 * (`top_k`, `min_p`, `repeat_penalty`, `grammar` and what is in `samplers`).
 */
export function chatBody(request: ChatRequest, model: string): Record<string, unknown> {
  const { messages, max_tokens, temperature, top_p, frequency_penalty, presence_penalty, seed, stop } = request;
  const { tools, tool_choice, parallel_tool_calls, response_format, logprobs, logit_bias } = request;
  return {
    ...{ model, messages, max_tokens, temperature, top_p, frequency_penalty, presence_penalty, seed },
    stream: true,
    stream_options: { include_usage: true },
    ...(stop.length > 0 && { stop }),
    ...(tools && { tools }),
    ...(tool_choice && {
      tool_choice: typeof tool_choice === "string" ? tool_choice : { type: "function", function: tool_choice },
    }),
    ...(parallel_tool_calls !== undefined && { parallel_tool_calls }),
    ...(response_format && { response_format }),
    ...(logprobs && { logprobs: true, top_logprobs: logprobs.top }),
    ...(logit_bias && { logit_bias }),
  };
}
