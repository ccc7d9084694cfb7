// The frames of the answer that `POST /completion` streams, of one answer or of several side by side. There is no `[DONE]`: the last frame of
// each answer says why it ends.
import * as v from "valibot";
import type { TokenLogprob } from "../adapter.ts";

/** What the last frame has: the whole prompt and all settings would be in it else. Inner names are keys with a slash. */
export const RESPONSE_FIELDS = [
  "index",
  "content",
  "stop",
  "stop_type",
  "tokens_predicted",
  "tokens_evaluated",
  "timings/cache_n",
];

/** `index`: of the answer. `predicted`: its tokens so far. */
export type CompletionFrame = { index: number } & (
  | { type: "prompt"; read: number; total: number; cached: number }
  /**
   * `tokens`: the last of those that the text has; of a character with several of them the others are left out. `ranked`: the likeliest
   * tokens as the samplers left them in the last one's place, where these are asked for.
   */
  | ({ type: "piece"; text: string; tokens: number[]; predicted: number } & PieceProbabilities)
  | { type: "end"; reason: "stop" | "length"; text: string; predicted: number; total: number; cached: number }
);

interface PieceProbabilities {
  logprobs?: TokenLogprob[] | undefined;
  ranked?: TokenProbability[] | undefined;
}

export interface TokenProbability {
  id: number;
  prob: number;
}

/** Undefined where it is no frame of an answer. */
export function parseFrame(value: unknown): CompletionFrame | undefined {
  const plain = plainPiece(value);
  if (plain !== undefined) return plain;
  const frame = v.safeParse(Frame, value);
  if (!frame.success) return undefined;
  const { output } = frame;
  if (output.stop) {
    const { index, content: text, stop_type, tokens_predicted, tokens_evaluated, "timings/cache_n": cached } = output;
    const reason = stop_type === "limit" ? "length" : "stop";
    return { type: "end", index, reason, text, predicted: tokens_predicted, total: tokens_evaluated, cached };
  }
  const { index, prompt_progress, content: text, tokens, tokens_predicted: predicted, completion_probabilities } = output;
  if (prompt_progress == null)
    return { type: "piece", index, text, tokens, predicted, ...probabilitiesOf(completion_probabilities) };
  const { processed: read, total, cache: cached } = prompt_progress;
  return { type: "prompt", index, read, total, cached };
}

/** A piece of text and nothing else, as nearly all frames are: the schema would cost a good part of the time that ingle has for a token. */
function plainPiece(value: unknown): CompletionFrame | undefined {
  const { index, content, stop, tokens, tokens_predicted, error, prompt_progress, completion_probabilities } = (value ??
    {}) as Record<string, unknown>;
  if (stop !== false || error != null || prompt_progress != null || completion_probabilities != null) return undefined;
  if (typeof content !== "string" || !isCount(index) || !isCount(tokens_predicted)) return undefined;
  if (!Array.isArray(tokens) || !tokens.every(isCount)) return undefined;
  return { type: "piece", index, text: content, tokens, predicted: tokens_predicted };
}

function probabilitiesOf(reports: v.InferOutput<typeof Reports> | undefined): PieceProbabilities {
  const last = reports?.at(-1);
  if (last !== undefined && "top_probs" in last) return { ranked: last.top_probs };
  return { logprobs: reports as TokenLogprob[] | undefined };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Logprob = { token: v.string(), logprob: v.number(), bytes: v.array(v.number()) };
const Reports = v.union([
  v.array(v.object({ ...Logprob, top_logprobs: v.array(v.object(Logprob)) })),
  v.array(v.object({ top_probs: v.array(v.object({ id: Count, prob: v.number() })) })),
]);

const Frame = v.variant("stop", [
  v.object({
    stop: v.literal(false),
    index: Count,
    content: v.string(),
    tokens: v.array(Count),
    tokens_predicted: Count,
    prompt_progress: v.nullish(v.object({ total: Count, cache: Count, processed: Count })),
    completion_probabilities: v.optional(Reports),
  }),
  v.object({
    stop: v.literal(true),
    index: Count,
    content: v.string(),
    stop_type: v.string(),
    tokens_evaluated: Count,
    tokens_predicted: Count,
    "timings/cache_n": Count,
  }),
]);
