// What the reference says of chat completions.
import * as v from "valibot";
import { Count, described, GENERATION_ERRORS, Seconds, type Operation } from "../reference/operation.ts";
import { OptionalParameterSchema } from "./optional-parameters.ts";
import { UsageReference } from "../generation/wire-reference.ts";
import { parametersReference } from "../generation/parameters/reference.ts";
import { PARAMETERS } from "./parameters/list.ts";
import { ChatCompletionRequest } from "./request.ts";

export const ChatRequestReference = parametersReference(
  { ...ChatCompletionRequest.entries, ...OptionalParameterSchema.entries },
  PARAMETERS,
);

const FunctionCall = v.object({ name: v.string(), arguments: described(v.string(), "JSON.") });
const ToolCallObject = v.object({ id: v.string(), type: v.literal("function"), function: FunctionCall });
const FinishReason = v.picklist(["stop", "length", "tool_calls", "function_call"]);
const TopLogprob = { token: v.string(), logprob: v.number(), bytes: v.nullable(v.array(Count)) };
const Logprobs = v.nullable(
  v.object({
    content: v.array(v.object({ ...TopLogprob, top_logprobs: v.array(v.object(TopLogprob)) })),
    refusal: v.null(),
  }),
);
const BrokenSchema = described(
  v.optional(v.looseObject({ valid: v.literal(false), index: v.optional(Count) })),
  "Of an answer that breaks the schema of its request.",
);
const HEAD = { id: v.string(), created: Seconds, model: v.string(), system_fingerprint: v.string() };

export const ChatCompletionObject = v.object({
  ...HEAD,
  object: v.literal("chat.completion"),
  choices: v.array(
    v.object({
      index: Count,
      message: v.object({
        role: v.literal("assistant"),
        content: described(v.nullable(v.string()), "Null where the answer only calls tools."),
        refusal: v.null(),
        reasoning_content: described(v.optional(v.string()), "The thoughts before the answer."),
        tool_calls: v.optional(v.array(ToolCallObject)),
        function_call: v.optional(FunctionCall),
      }),
      logprobs: Logprobs,
      finish_reason: FinishReason,
    }),
  ),
  usage: UsageReference,
  x_ingle_schema: BrokenSchema,
});

export const ChatCompletionChunk = v.object({
  ...HEAD,
  object: v.literal("chat.completion.chunk"),
  choices: v.array(
    v.object({
      index: Count,
      delta: v.looseObject({
        role: v.optional(v.literal("assistant")),
        content: v.optional(v.string()),
        reasoning_content: v.optional(v.string()),
        tool_calls: v.optional(
          v.array(
            v.object({
              ...{ index: Count, id: v.optional(v.string()), type: v.optional(v.literal("function")) },
              function: v.object({ name: v.optional(v.string()), arguments: v.string() }),
            }),
          ),
        ),
      }),
      logprobs: Logprobs,
      finish_reason: v.nullable(FinishReason),
    }),
  ),
  usage: described(v.optional(v.nullable(UsageReference)), "With `stream_options.include_usage`: null, but in the last chunk."),
  x_ingle_schema: BrokenSchema,
});

const HEAD_EXAMPLE = {
  id: "chatcmpl-01jd4rfm6w0h6ftx2qk4w8j3vz",
  created: 1_795_370_792,
  model: "qwen3-4b",
  system_fingerprint: "ingle-0.1.0",
};
const CHUNK = { ...HEAD_EXAMPLE, object: "chat.completion.chunk" };
const QUESTION = [{ role: "user", content: "What is the capital of France? Answer in one word." }];

const chunkFrame = (delta: object, finish_reason: string | null): string =>
  `data: ${JSON.stringify({ ...CHUNK, choices: [{ index: 0, delta, logprobs: null, finish_reason }] })}\n\n`;

export const chatOperations: Operation[] = [
  {
    ...{
      id: "createChatCompletion",
      method: "post",
      path: "/v1/chat/completions",
      tag: "Chat",
      summary: "Answer a conversation",
    },
    description:
      "JSON, or with `stream: true` server-sent events: chunks, and `[DONE]` at the end. Comments come while a model loads. An error amid a stream is " +
      "one event with `error`, and no `[DONE]`. `x-ingle-ignored` names the fields that the answer does without.",
    body: {
      schema: ChatRequestReference,
      examples: {
        question: { messages: QUESTION, temperature: 0 },
        stream: { messages: QUESTION, stream: true, stream_options: { include_usage: true } },
        tools: {
          messages: [{ role: "user", content: "How warm is it in Oslo?" }],
          tools: [
            {
              type: "function",
              function: {
                name: "weather",
                parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
              },
            },
          ],
        },
        schema: {
          messages: [{ role: "user", content: "Name a city and its country." }],
          response_format: {
            type: "json_schema",
            json_schema: {
              name: "city",
              strict: true,
              schema: {
                type: "object",
                properties: { city: { type: "string" }, country: { type: "string" } },
                required: ["city", "country"],
                additionalProperties: false,
              },
            },
          },
        },
      },
    },
    answer: {
      description: "The answer.",
      schema: ChatCompletionObject,
      example: {
        ...HEAD_EXAMPLE,
        object: "chat.completion",
        choices: [
          { index: 0, message: { role: "assistant", content: "Paris.", refusal: null }, logprobs: null, finish_reason: "stop" },
        ],
        usage: { prompt_tokens: 21, completion_tokens: 3, total_tokens: 24, prompt_tokens_details: { cached_tokens: 0 } },
      },
      events: {
        schema: ChatCompletionChunk,
        example: `${chunkFrame({ role: "assistant", content: "" }, null)}${chunkFrame({ content: "Paris." }, null)}${chunkFrame({}, "stop")}data: [DONE]\n\n`,
      },
    },
    errors: GENERATION_ERRORS,
  },
];
