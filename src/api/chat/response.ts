// The two folds of a generation's events: the JSON of a whole answer, and the chunks of a streamed one.
import type { ChatEvent, TokenLogprob, ToolCall } from "../../../adapters/adapter.ts";
import type { LoadingEvent } from "../../inference/loading-events.ts";
import type { Folds } from "../generation/answer-generation.ts";
import {
  type Finish,
  type AnswerHead,
  brokenSchemaField,
  type BrokenSchemaOptions,
  endsOf,
  LOADING,
  wireUsage,
} from "../generation/wire-form.ts";
import { addToolCallPiece, callFields, finishReason, pieceFields } from "./tool-calls.ts";

interface FoldOptions extends BrokenSchemaOptions {
  newId: (prefix: string) => string;
  /** Calls are `function_call`, as they were before there were tools. */
  legacy_calls: boolean;
}

type Events = AsyncIterable<ChatEvent | LoadingEvent>;

/** One choice, as far as it has come. */
interface AnswerParts {
  content: string;
  reasoning: string;
  calls: ToolCall[];
  logprobs: TokenLogprob[];
}

export function chatFolds(options: Omit<FoldOptions, "onBrokenSchema">): Folds<ChatEvent> {
  return {
    id_prefix: "chatcmpl-",
    collect: (head, events, own) => collectCompletion(head, events, { ...options, ...own }),
    stream: (head, events, own) => streamChunks(head, events, { ...options, ...own }),
  };
}

async function collectCompletion(head: AnswerHead, events: Events, options: FoldOptions): Promise<object> {
  const answers: AnswerParts[] = [];
  const answerOf = (index: number) => (answers[index] ??= { content: "", reasoning: "", calls: [], logprobs: [] });
  for await (const event of events) {
    if (event.type === "loading" || event.type === "prompt") continue;
    const answer = answerOf(event.choice ?? 0);
    if (event.type === "text") {
      answer.content += event.text;
      if (event.logprobs) answer.logprobs.push(...event.logprobs);
    } else if (event.type === "reasoning") answer.reasoning += event.text;
    else if (event.type === "tool_call") addToolCallPiece(answer.calls, event, options.newId);
    else {
      return {
        ...head,
        object: "chat.completion",
        choices: endsOf(event).map(({ reason }, index) => wholeChoice(index, answerOf(index), reason, options)),
        usage: wireUsage(event),
        ...brokenSchemaField(event, options),
      };
    }
  }
  throw new Error("An engine ended its answer without a finish.");
}

function wholeChoice(
  index: number,
  { content, reasoning, calls, logprobs }: AnswerParts,
  reason: Finish["reason"],
  { legacy_calls }: FoldOptions,
): object {
  const message = {
    role: "assistant",
    // OpenAI's form of an answer that only calls tools.
    content: content === "" && calls.length > 0 ? null : content,
    refusal: null,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...callFields(calls, legacy_calls),
  };
  return { index, message, logprobs: wireLogprobs(logprobs), finish_reason: finishReason(reason, legacy_calls) };
}

async function* streamChunks(
  head: AnswerHead,
  events: Events,
  { include_usage, ...options }: FoldOptions & { include_usage: boolean },
): AsyncGenerator<object> {
  const { newId, legacy_calls } = options;
  const chunk = (index: number, delta: object, more: { finish_reason?: string; logprobs?: TokenLogprob[] } = {}): object => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index, delta, logprobs: wireLogprobs(more.logprobs), finish_reason: more.finish_reason ?? null }],
    ...(include_usage && { usage: null }),
  });
  const opening = (index: number): object => chunk(index, { role: "assistant", content: "" });
  /** The calls that have begun, of each choice that has. */
  const begun: Set<number>[] = [];
  for await (const event of events) {
    if (event.type === "loading") {
      yield LOADING;
      continue;
    }
    const index = event.choice ?? 0;
    // The role goes out with the first event, also one of progress: it makes the response a status 200.
    if (begun[index] === undefined) {
      begun[index] = new Set();
      yield opening(index);
    }
    if (event.type === "text") yield chunk(index, { content: event.text }, event.logprobs && { logprobs: event.logprobs });
    else if (event.type === "reasoning") yield chunk(index, { reasoning_content: event.text });
    else if (event.type === "tool_call") {
      const fields = pieceFields(event, { begun: begun[index], newId, legacy_calls });
      if (fields !== undefined) yield chunk(index, fields);
    } else if (event.type === "finish") {
      const ends = endsOf(event);
      const broken = brokenSchemaField(event, options);
      for (const [index, { reason }] of ends.entries()) {
        if (begun[index] === undefined) yield opening(index);
        const is_last = !include_usage && index === ends.length - 1;
        yield { ...chunk(index, {}, { finish_reason: finishReason(reason, legacy_calls) }), ...(is_last && broken) };
      }
      if (include_usage) yield { ...head, object: "chat.completion.chunk", choices: [], usage: wireUsage(event), ...broken };
    }
  }
}

function wireLogprobs(content: TokenLogprob[] | undefined): object | null {
  if (!content?.length) return null;
  // OpenAI's clients want `top_logprobs` also where it is empty.
  return { content: content.map((token) => ({ ...token, top_logprobs: token.top_logprobs ?? [] })), refusal: null };
}
