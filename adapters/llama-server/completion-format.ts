// The pieces of the answer that `POST /completion` streams. There is no `[DONE]`: the last one says why the answer ends.
import * as v from "valibot";
import type { ChunkFormat } from "../shared/openai-stream/answer-events.ts";
import { AnswerChunk } from "../shared/openai-stream/chunk.ts";

/** What the last piece has: the whole prompt and all settings would be in it else. Inner names are keys with a slash. */
export const RESPONSE_FIELDS = ["content", "stop", "stop_type", "tokens_evaluated", "tokens_predicted", "timings/cache_n"];

/** As a chunk of `POST /v1/chat/completions`, whose names for most of it are the same. */
export const COMPLETION: ChunkFormat = {
  onlyText(value) {
    const { content, stop, error, prompt_progress, timings, completion_probabilities } = (value ?? {}) as Record<string, unknown>;
    if (stop !== false || error != null || prompt_progress != null) return undefined;
    if (timings != null || completion_probabilities != null) return undefined;
    return typeof content === "string" ? content : undefined;
  },
  toChunk(value) {
    const last = v.safeParse(Last, value);
    if (last.success) return chunkOfLast(last.output);
    const piece = v.safeParse(Piece, value);
    if (!piece.success) return undefined;
    const { content, prompt_progress, timings, completion_probabilities } = piece.output;
    // The end of an answer is a token without text, which is no part of it.
    const logprobs = content === "" ? undefined : { content: completion_probabilities };
    const choices = [{ delta: { content }, logprobs }];
    const chunk = v.safeParse(AnswerChunk, { choices, prompt_progress, timings });
    return chunk.success ? chunk.output : undefined;
  },
};

/** `AnswerChunk` checks what is unknown here. */
const Piece = v.object({
  content: v.string(),
  stop: v.literal(false),
  prompt_progress: v.optional(v.unknown()),
  timings: v.optional(v.unknown()),
  completion_probabilities: v.optional(v.unknown()),
});

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Last = v.object({
  content: v.string(),
  stop: v.literal(true),
  stop_type: v.string(),
  tokens_evaluated: Count,
  tokens_predicted: Count,
  "timings/cache_n": Count,
});

function chunkOfLast(last: v.InferOutput<typeof Last>): AnswerChunk {
  const { content, stop_type, tokens_evaluated, tokens_predicted, "timings/cache_n": cached_tokens } = last;
  return {
    choices: [{ delta: { content }, finish_reason: stop_type === "limit" ? "length" : "stop" }],
    usage: {
      prompt_tokens: tokens_evaluated,
      completion_tokens: tokens_predicted,
      prompt_tokens_details: { cached_tokens },
    },
  };
}
