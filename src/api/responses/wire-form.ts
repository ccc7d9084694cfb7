// A response as the API answers it, and the events of one that is streamed.
import type { ChatRequest, Usage } from "../../../adapters/adapter.ts";
import { type JsonObject, withoutNulls } from "../../support/json.ts";
import { CHAT_DEFAULTS } from "../generation/defaults.ts";
import type { AnswerHead, BrokenSchema } from "../generation/wire-form.ts";
import type { ResponseBody } from "./request.ts";

export interface OutputItem extends JsonObject {
  type: string;
  id: string;
}

export interface ResponseObject extends JsonObject {
  id: string;
  object: "response";
  status: "in_progress" | "completed" | "incomplete" | "failed";
  output: OutputItem[];
}

export interface ResponseEvent extends JsonObject {
  type: string;
  /** From 0 on, without a gap. */
  sequence_number: number;
}

/** A response that has just begun: what was asked for, with the values that hold where nothing was. */
export function begunResponse({ id, created, model }: AnswerHead, sent: ResponseBody, chat: ChatRequest): ResponseObject {
  const { temperature, top_p, frequency_penalty, presence_penalty } = { ...CHAT_DEFAULTS, ...chat };
  return {
    ...{ id, object: "response", created_at: created, completed_at: null, status: "in_progress" },
    ...{ error: null, incomplete_details: null, model, output: [], usage: null },
    ...{ instructions: sent.instructions ?? null, metadata: sent.metadata },
    ...{ temperature, top_p, frequency_penalty, presence_penalty },
    ...{ max_output_tokens: sent.max_output_tokens ?? null, max_tool_calls: sent.max_tool_calls ?? null },
    ...{ tools: (sent.tools ?? []).map(wholeTool), tool_choice: sent.tool_choice ?? "auto" },
    parallel_tool_calls: sent.parallel_tool_calls ?? true,
    text: { ...sent.text, format: sent.text?.format ?? { type: "text" } },
    reasoning: { effort: null, summary: null, ...sent.reasoning },
    ...{ top_logprobs: sent.top_logprobs ?? 0, truncation: sent.truncation ?? "disabled" },
    ...{ store: false, background: false, conversation: null, previous_response_id: null, prompt: null, access_programs: null },
    ...{ service_tier: "default", user: sent["user"] ?? null, safety_identifier: sent["safety_identifier"] ?? null },
    prompt_cache_key: sent["prompt_cache_key"] ?? null,
  };
}

/** A tool with the fields that OpenAI's types want of it. */
function wholeTool(tool: object): object {
  const { type } = tool as { type: string };
  return type === "function" ? { description: null, parameters: null, strict: false, ...withoutNulls(tool) } : tool;
}

export function responseUsage({ prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens = 0 }: Usage): object {
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens, cache_write_tokens: prompt_tokens - cached_tokens },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens },
    total_tokens: prompt_tokens + completion_tokens,
  };
}

/** What becomes of the response by its end. */
export function endedResponse(
  response: ResponseObject,
  { cut, usage, broken, now }: { cut: boolean; usage: Usage; broken: BrokenSchema | undefined; now: number },
): ResponseObject {
  return {
    ...response,
    ...(cut
      ? { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }
      : { status: "completed", completed_at: now }),
    usage: responseUsage(usage),
    ...(broken && { x_ingle_schema: broken }),
  };
}
