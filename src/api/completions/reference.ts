// What the reference says of completions.
import * as v from "valibot";
import { UsageReference } from "../generation/wire-reference.ts";
import { parametersReference } from "../generation/parameters/reference.ts";
import { Count, described, GENERATION_ERRORS, type Operation, Seconds } from "../reference/operation.ts";
import { PARAMETERS } from "./parameters/list.ts";
import { CompletionBody, OptionalCompletionSchema } from "./request.ts";

const Prompt = described(
  v.union([v.string(), v.array(v.string()), v.array(Count), v.array(v.array(Count))]),
  "A text, tokens by their ids, or up to 128 of either.",
);

const Logprobs = v.nullable(
  v.object({
    tokens: v.array(v.string()),
    token_logprobs: described(v.array(v.nullable(v.number())), "Null for the first token of a prompt."),
    top_logprobs: v.array(v.nullable(v.record(v.string(), v.number()))),
    text_offset: described(v.array(Count), "Where each token begins in the text, in characters."),
  }),
);
const FinishReason = v.picklist(["stop", "length"]);
const HEAD = {
  ...{ id: v.string(), created: Seconds, model: v.string(), system_fingerprint: v.string() },
  object: v.literal("text_completion"),
};
const CHOICE = { text: v.string(), index: Count, logprobs: Logprobs };

const Completion = v.looseObject({
  ...HEAD,
  choices: v.array(v.object({ ...CHOICE, finish_reason: FinishReason })),
  usage: UsageReference,
});
const CompletionChunk = v.looseObject({
  ...HEAD,
  choices: v.array(v.object({ ...CHOICE, finish_reason: v.nullable(FinishReason) })),
  usage: described(v.optional(v.nullable(UsageReference)), "With `stream_options.include_usage`: null, but in the last chunk."),
});

const HEAD_EXAMPLE = {
  ...{ id: "cmpl-01jd4rfm6w0h6ftx2qk4w8j3vz", created: 1_795_370_792, model: "qwen3-4b", system_fingerprint: "ingle-0.1.0" },
  object: "text_completion",
};
const frame = (text: string, finish_reason: string | null): string =>
  `data: ${JSON.stringify({ ...HEAD_EXAMPLE, choices: [{ text, index: 0, logprobs: null, finish_reason }] })}\n\n`;

export const completionOperations: Operation[] = [
  {
    ...{ id: "createCompletion", method: "post", path: "/v1/completions", tag: "Completions", summary: "Go on with a text" },
    description:
      "The model goes on with the prompt as it is: no chat template is used. JSON, or with `stream: true` server-sent events, and `[DONE]` at the end. " +
      "With `suffix` the answer fills the gap between two texts, where the model has tokens for that.",
    body: {
      schema: parametersReference({ ...CompletionBody.entries, prompt: Prompt, ...OptionalCompletionSchema.entries }, PARAMETERS),
      examples: {
        text: { prompt: "The capital of France is", max_tokens: 4, temperature: 0 },
        stream: { prompt: "Once upon a time", stream: true, stream_options: { include_usage: true } },
        several: { prompt: ["One, two,", "Red, green,"], max_tokens: 4 },
      },
    },
    answer: {
      description: "The text that follows, of each prompt and choice.",
      schema: Completion,
      example: {
        ...HEAD_EXAMPLE,
        choices: [{ text: " Paris.", index: 0, logprobs: null, finish_reason: "stop" }],
        usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8, prompt_tokens_details: { cached_tokens: 0 } },
      },
      events: { schema: CompletionChunk, example: `${frame(" Paris.", null)}${frame("", "stop")}data: [DONE]\n\n` },
    },
    errors: [...GENERATION_ERRORS, "400 too_many_items"],
  },
];
