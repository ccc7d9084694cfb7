// One chunk of a streamed answer, as llama-server, vLLM, ingle and OpenAI itself send it.
import * as v from "valibot";
import type { ChatEvent, TokenLogprob, Usage } from "../../adapter.ts";

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Logprob = { token: v.string(), logprob: v.number(), bytes: v.optional(v.nullable(v.array(v.number())), null) };

const Delta = v.object({
  content: v.nullish(v.string()),
  reasoning_content: v.nullish(v.string()),
  /** vLLM's name for `reasoning_content`. */
  reasoning: v.nullish(v.string()),
  tool_calls: v.nullish(
    v.array(
      v.object({
        index: Count,
        id: v.nullish(v.string()),
        function: v.nullish(v.object({ name: v.nullish(v.string()), arguments: v.nullish(v.string()) })),
      }),
    ),
  ),
});

export const AnswerChunk = v.object({
  choices: v.optional(
    v.array(
      v.object({
        index: v.nullish(Count),
        delta: v.optional(Delta, {}),
        finish_reason: v.nullish(v.string()),
        logprobs: v.nullish(
          v.object({
            content: v.nullish(v.array(v.object({ ...Logprob, top_logprobs: v.optional(v.array(v.object(Logprob)), []) }))),
          }),
        ),
      }),
    ),
    [],
  ),
  usage: v.nullish(
    v.object({
      prompt_tokens: Count,
      completion_tokens: Count,
      prompt_tokens_details: v.nullish(v.object({ cached_tokens: v.nullish(Count) })),
      completion_tokens_details: v.nullish(v.object({ reasoning_tokens: v.nullish(Count) })),
    }),
  ),
  /** llama-server's: tokens of the prompt, cached ones included. */
  prompt_progress: v.nullish(v.object({ total: Count, processed: Count })),
  /** llama-server's, with `timings_per_token`: tokens so far; `prompt_n` are those that were not cached. */
  timings: v.nullish(v.object({ prompt_n: Count, cache_n: Count, predicted_n: Count })),
});
export type AnswerChunk = v.InferOutput<typeof AnswerChunk>;

/**
 * The text of a chunk that is a piece of text and nothing else, as nearly all are; undefined for all others. Saves each token the schema
 * (`bench`, row `server's processor time a token: llama-server behind ingle, bun`).
 */
export function onlyText(value: unknown): string | undefined {
  const { error, choices, usage, prompt_progress, timings } = (value ?? {}) as Record<string, unknown>;
  if (error != null || usage != null || prompt_progress != null || timings != null) return undefined;
  if (!Array.isArray(choices) || choices.length !== 1) return undefined;
  const { delta, finish_reason, logprobs } = (choices[0] ?? {}) as Record<string, unknown>;
  if (finish_reason != null || logprobs != null) return undefined;
  const { content, reasoning_content, reasoning, tool_calls } = (delta ?? {}) as Record<string, unknown>;
  if (reasoning_content != null || reasoning != null || tool_calls != null) return undefined;
  return typeof content === "string" ? content : undefined;
}

export type AnswerChoice = AnswerChunk["choices"][number];
/** The events that one choice is made of. */
export type ChoiceEvent = Exclude<ChatEvent, { type: "prompt" | "finish" }>;

export function progressOf({ prompt_progress }: AnswerChunk): Extract<ChatEvent, { type: "prompt" }> | undefined {
  return prompt_progress ? { type: "prompt", read: prompt_progress.processed, total: prompt_progress.total } : undefined;
}

/** The events of one choice of a chunk, but for its end. */
export function* eventsOf(choice: AnswerChoice): Generator<ChoiceEvent> {
  const { content, reasoning_content, reasoning, tool_calls } = choice.delta;
  const thought = reasoning_content ?? reasoning;
  if (thought) yield { type: "reasoning", text: thought };
  const logprobs = choice.logprobs?.content as TokenLogprob[] | null | undefined;
  if (content || logprobs?.length) yield { type: "text", text: content ?? "", ...(logprobs?.length && { logprobs }) };
  for (const { index, id, function: called } of tool_calls ?? []) {
    const { name, arguments: text } = called ?? {};
    yield { type: "tool_call", index, ...(id && { id }), ...(name && { name }), arguments: text ?? "" };
  }
}

export function finishReasonOf({ finish_reason: reason }: AnswerChoice): "stop" | "length" | "tool_calls" | undefined {
  if (reason == null) return undefined;
  if (reason === "function_call" || reason === "tool_calls") return "tool_calls";
  return reason === "length" ? "length" : "stop";
}

/** The usage so far: the last one of an answer counts. */
export function usageOf({ usage, timings }: AnswerChunk): Usage | undefined {
  if (!usage) return timings ? usageOfTimings(timings) : undefined;
  const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = usage;
  const cached_tokens = prompt_tokens_details?.cached_tokens ?? 0;
  const reasoning_tokens = completion_tokens_details?.reasoning_tokens;
  return { prompt_tokens, completion_tokens, cached_tokens, ...(reasoning_tokens != null && { reasoning_tokens }) };
}

function usageOfTimings({ prompt_n, cache_n, predicted_n }: NonNullable<AnswerChunk["timings"]>): Usage {
  return { prompt_tokens: prompt_n + cache_n, completion_tokens: predicted_n, cached_tokens: cache_n };
}
