// The two folds of a generation's events: the JSON of a whole answer, and the chunks of a streamed one.
import type { ChatEvent, TokenLogprob, ToolCall } from "../../../adapters/adapter.ts";
import type { LoadingEvent } from "../../inference/loading-events.ts";
import { Comment } from "../../http/sse.ts";

/** The fields that all objects of one answer have in common. */
export interface CompletionHead {
  id: string;
  /** Whole seconds since 1970. */
  created: number;
  model: string;
  system_fingerprint: string;
}

type Events = AsyncIterable<ChatEvent | LoadingEvent>;
type NewId = (prefix: string) => string;
type Finish = Extract<ChatEvent, { type: "finish" }>;
type ToolCallPiece = Extract<ChatEvent, { type: "tool_call" }>;

const LOADING = new Comment("loading");

/** Throws what the engine throws. */
export async function collectCompletion(head: CompletionHead, events: Events, newId: NewId): Promise<object> {
  let [content, reasoning] = ["", ""];
  const calls: ToolCall[] = [];
  const logprobs: TokenLogprob[] = [];
  for await (const event of events) {
    if (event.type === "text") {
      content += event.text;
      if (event.logprobs) logprobs.push(...event.logprobs);
    } else if (event.type === "reasoning") reasoning += event.text;
    else if (event.type === "tool_call") addToolCallPiece(calls, event, newId);
    else if (event.type === "finish") {
      const message = {
        role: "assistant",
        // OpenAI's form of an answer that only calls tools.
        content: content === "" && calls.length > 0 ? null : content,
        refusal: null,
        ...(reasoning !== "" && { reasoning_content: reasoning }),
        ...(calls.length > 0 && { tool_calls: calls }),
      };
      return {
        ...head,
        object: "chat.completion",
        choices: [{ index: 0, message, logprobs: wireLogprobs(logprobs), finish_reason: event.reason }],
        usage: wireUsage(event),
      };
    }
  }
  throw new Error("An engine ended its answer without a finish.");
}

function addToolCallPiece(calls: ToolCall[], { index, id, name, arguments: text }: ToolCallPiece, newId: NewId): void {
  const call = (calls[index] ??= { id: id ?? newId("call_"), type: "function", function: { name: "", arguments: "" } });
  call.function.name += name ?? "";
  call.function.arguments += text;
}

/** Throws what the engine throws. */
export async function* streamChunks(
  head: CompletionHead,
  events: Events,
  { include_usage, newId }: { include_usage: boolean; newId: NewId },
): AsyncGenerator<object> {
  const chunk = (delta: object, more: { finish_reason?: string; logprobs?: TokenLogprob[] } = {}): object => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, logprobs: wireLogprobs(more.logprobs), finish_reason: more.finish_reason ?? null }],
    ...(include_usage && { usage: null }),
  });
  const begun_calls = new Set<number>();
  let begun = false;
  for await (const event of events) {
    if (event.type === "loading") {
      yield LOADING;
      continue;
    }
    // The role goes out with the first event, also one of progress: it makes the response a status 200.
    if (!begun) yield chunk({ role: "assistant", content: "" });
    begun = true;
    if (event.type === "text") yield chunk({ content: event.text }, event.logprobs && { logprobs: event.logprobs });
    else if (event.type === "reasoning") yield chunk({ reasoning_content: event.text });
    else if (event.type === "tool_call") yield chunk({ tool_calls: [toolCallPiece(event, begun_calls, newId)] });
    else if (event.type === "finish") {
      yield chunk({}, { finish_reason: event.reason });
      if (include_usage) yield { ...head, object: "chat.completion.chunk", choices: [], usage: wireUsage(event) };
    }
  }
}

/** The first piece of a call carries its id and its type, as OpenAI's does. */
function toolCallPiece({ index, id, name, arguments: text }: ToolCallPiece, begun: Set<number>, newId: NewId): object {
  const first = !begun.has(index);
  begun.add(index);
  return {
    index,
    ...(first && { id: id ?? newId("call_"), type: "function" }),
    function: { ...(name !== undefined && { name }), arguments: text },
  };
}

function wireLogprobs(content: TokenLogprob[] | undefined): object | null {
  if (!content?.length) return null;
  // OpenAI's clients want `top_logprobs` also where it is empty.
  return { content: content.map((token) => ({ ...token, top_logprobs: token.top_logprobs ?? [] })), refusal: null };
}

function wireUsage({ usage: { prompt_tokens, completion_tokens, cached_tokens } }: Finish): object {
  const total_tokens = prompt_tokens + completion_tokens;
  return { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: { cached_tokens } };
}
