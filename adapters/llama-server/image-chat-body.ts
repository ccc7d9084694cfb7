// A chat request as the chat route of llama-server takes it, which renders the messages.
import type { ChatMessage, ChatRequest } from "../adapter.ts";
import type { TemplateForms } from "../prompts.ts";
import { argumentsValue } from "../shared/call-arguments.ts";
import { continuedMessage } from "../shared/continued-message.ts";
import { chatBody } from "../shared/openai-stream/request-body.ts";
import { type LlamaServerModel, rivals, samplingOf } from "./request-body.ts";
import { toWellFormedJson } from "./well-formed-json.ts";

export interface RenderedTemplate {
  /** The messages of the request have them. */
  forms: TemplateForms;
  /** Whether llama-server gives the template the arguments of calls as what their JSON stands for; else as the text that they are. */
  parsed_arguments: boolean;
}

/** The body of `POST /v1/chat/completions`. */
export function imageChatBody(
  request: Omit<ChatRequest, "choices">,
  model: LlamaServerModel,
  template: RenderedTemplate,
): Record<string, unknown> {
  const { max_tokens, logprobs, chat_template_kwargs, reasoning_budget } = request;
  const begun = withBeginning(request);
  const messages = begun.messages.map((message) => withReadableCalls(message, template));
  return {
    ...chatBody({ ...request, messages, stop: [] }, "model"),
    ...samplingOf(request),
    // Tells how many tokens an answer has that ends at a stop string.
    timings_per_token: request.stop.length > 0,
    max_tokens: Math.min(max_tokens, model.context_length),
    ...(continuedMessage(begun) && { continue_final_message: true, add_generation_prompt: false }),
    ...(chat_template_kwargs && { chat_template_kwargs }),
    ...(reasoning_budget !== undefined && { reasoning_budget_tokens: reasoning_budget }),
    ...(logprobs && { top_logprobs: rivals(logprobs) }),
  };
}

/**
 * llama-server renders the messages before one that goes on. Many templates refuse to render none; and behind an empty one the template's own
 * beginning of an answer would be missing.
 */
function withBeginning(request: Omit<ChatRequest, "choices">): Omit<ChatRequest, "choices"> {
  const begun = continuedMessage(request);
  if (begun === undefined) return request;
  const messages: ChatMessage[] = request.messages.length > 1 ? request.messages : [{ role: "user", content: "" }, begun];
  if (begun.content.length > 0 || begun.reasoning_content) return { ...request, messages };
  return { ...request, messages: messages.slice(0, -1), continue_final_message: false };
}

/** llama-server ends in an error of its own at arguments that it cannot parse. */
function withReadableCalls(message: ChatMessage, { forms, parsed_arguments }: RenderedTemplate): ChatMessage {
  if (message.tool_calls === undefined) return message;
  const tool_calls = message.tool_calls.map((call) => {
    const value = argumentsValue(call.function.arguments, forms);
    const written = typeof value === "string" && !parsed_arguments ? value : toWellFormedJson(value);
    return { ...call, function: { ...call.function, arguments: written } };
  });
  return { ...message, tool_calls };
}
