// What the reference says of responses.
import * as v from "valibot";
import { parametersReference } from "../generation/parameters/reference.ts";
import { Count, described, GENERATION_ERRORS, Json, Nullable, type Operation, Seconds } from "../reference/operation.ts";
import { withExample } from "../objects.ts";
import { PARAMETERS } from "./parameters.ts";
import { ResponseBody } from "./request.ts";

const InputReference = described(
  v.looseObject({ type: v.optional(v.string()), role: v.optional(v.string()), content: v.optional(v.unknown()) }),
  "A message, or by its `type` a call, the output of one, or `reasoning`.",
);
const ToolReference = v.looseObject({ type: v.string(), name: v.optional(v.string()), parameters: v.optional(v.nullable(Json)) });

const RequestReference = parametersReference(
  {
    ...ResponseBody.entries,
    input: described(
      v.nullish(v.union([v.string(), withExample(v.array(InputReference), [{ role: "user", content: "Hello" }])])),
      "A text, or items.",
    ),
    tools: v.nullish(v.array(ToolReference)),
  },
  PARAMETERS,
);

const STATUS = { id: v.string(), status: v.picklist(["in_progress", "completed", "incomplete"]) };
const CALL = { ...STATUS, call_id: v.string() };
const NAMED_CALL = { ...CALL, name: v.string(), namespace: v.optional(v.string()) };

const OutputText = v.object({
  type: v.literal("output_text"),
  text: v.string(),
  annotations: v.array(v.unknown()),
  logprobs: v.array(Json),
});
const OutputItemReference = v.variant("type", [
  v.object({ type: v.literal("message"), ...STATUS, role: v.literal("assistant"), content: v.array(OutputText) }),
  v.object({
    ...{ type: v.literal("reasoning"), ...STATUS, summary: v.array(v.unknown()) },
    content: v.array(v.object({ type: v.literal("reasoning_text"), text: v.string() })),
  }),
  v.object({ type: v.literal("function_call"), ...NAMED_CALL, arguments: described(v.string(), "JSON.") }),
  v.object({ type: v.literal("custom_tool_call"), ...NAMED_CALL, input: v.string() }),
  v.object({ type: v.literal("local_shell_call"), ...CALL, action: Json }),
  v.object({ type: v.literal("shell_call"), ...CALL, action: Json, environment: Json }),
  v.object({ type: v.literal("apply_patch_call"), ...CALL, operation: Json }),
  v.object({ type: v.literal("tool_search_call"), ...CALL, arguments: Json, execution: v.literal("client") }),
]);

const UsageReference = v.object({
  input_tokens: Count,
  input_tokens_details: v.object({
    cached_tokens: described(Count, "Tokens of the prompt that were read before."),
    cache_write_tokens: described(Count, "Those that were read now, and are kept for the next request."),
  }),
  output_tokens: Count,
  output_tokens_details: v.object({ reasoning_tokens: Count }),
  total_tokens: Count,
});

const ResponseReference = v.looseObject({
  id: v.string(),
  object: v.literal("response"),
  created_at: Seconds,
  completed_at: v.nullable(Seconds),
  status: v.picklist(["in_progress", "completed", "incomplete", "failed"]),
  error: v.nullable(v.looseObject({ code: v.string(), message: v.string() })),
  incomplete_details: v.nullable(v.object({ reason: v.string() })),
  model: v.string(),
  output: v.array(OutputItemReference),
  usage: v.nullable(UsageReference),
  instructions: Nullable,
  metadata: Json,
  ...{ temperature: v.number(), top_p: v.number(), frequency_penalty: v.number(), presence_penalty: v.number() },
  ...{ max_output_tokens: v.nullable(v.number()), max_tool_calls: v.nullable(v.number()) },
  ...{ tools: v.array(v.looseObject({ type: v.string() })), tool_choice: v.union([v.string(), Json]) },
  parallel_tool_calls: v.boolean(),
  ...{ text: Json, reasoning: Json, top_logprobs: Count, truncation: v.string() },
  store: described(v.literal(false), "Responses are not kept by this version."),
});

const EventReference = described(
  v.looseObject({ type: v.string(), sequence_number: Count }),
  "`response.created`, `response.in_progress`, the events of each item, and at last `response.completed`, `response.incomplete` or `response.failed` with " +
    "the whole response.",
);

const EXAMPLE = {
  ...{ id: "resp_01jd4rfm6w0h6ftx2qk4w8j3vz", object: "response", created_at: 1_795_370_792, completed_at: 1_795_370_793 },
  ...{ status: "completed", error: null, incomplete_details: null, model: "qwen3-4b" },
  output: [
    {
      ...{ type: "message", id: "msg_01jd4rfm6w0h6ftx2qk4w8j3w0", role: "assistant", status: "completed" },
      content: [{ type: "output_text", text: "Paris.", annotations: [], logprobs: [] }],
    },
  ],
  usage: {
    ...{ input_tokens: 21, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 21 } },
    ...{ output_tokens: 3, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 24 },
  },
  ...{ instructions: null, metadata: {}, temperature: 0.7, top_p: 0.95, frequency_penalty: 0, presence_penalty: 0 },
  ...{ max_output_tokens: null, max_tool_calls: null, tools: [], tool_choice: "auto", parallel_tool_calls: true },
  ...{ text: { format: { type: "text" } }, reasoning: { effort: null, summary: null }, top_logprobs: 0 },
  ...{ truncation: "disabled", store: false },
};
const DELTA = { type: "response.output_text.delta", sequence_number: 4, item_id: "msg_1", output_index: 0, content_index: 0 };
const QUESTION = "What is the capital of France? Answer in one word.";

export const responseOperations: Operation[] = [
  {
    ...{ id: "createResponse", method: "post", path: "/v1/responses", tag: "Responses", summary: "Answer an input" },
    description:
      "OpenAI's Responses, for clients that send the whole conversation with each request: nothing of it is kept. Tools that the client runs are called, tools " +
      "that a server would have to run are named in `x-ingle-ignored`. With `stream: true` server-sent events, each named by its `type`; the last one has the " +
      "whole response, also where it fails.",
    body: {
      schema: RequestReference,
      examples: {
        question: { input: QUESTION, temperature: 0 },
        stream: { input: [{ role: "user", content: QUESTION }], instructions: "Be brief.", stream: true },
        tools: {
          input: "How warm is it in Oslo?",
          tools: [
            {
              ...{ type: "function", name: "weather" },
              parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
            },
          ],
        },
      },
    },
    answer: {
      description: "The response.",
      schema: ResponseReference,
      example: EXAMPLE,
      events: {
        schema: EventReference,
        example: `event: ${DELTA.type}\ndata: ${JSON.stringify({ ...DELTA, delta: "Paris.", logprobs: [] })}\n\n`,
      },
    },
    errors: [...GENERATION_ERRORS, "400 too_many_items", "404 item_not_found"],
  },
  {
    ...{ id: "countResponseTokens", method: "post", path: "/v1/responses/input_tokens", tag: "Responses" },
    summary: "How many tokens the prompt of a response has",
    description: "The body is that of a response: `usage.input_tokens` of its answer would be this number.",
    body: { schema: RequestReference, examples: { question: { input: QUESTION } } },
    answer: {
      description: "The number.",
      schema: v.object({ object: v.literal("response.input_tokens"), input_tokens: Count }),
      example: { object: "response.input_tokens", input_tokens: 21 },
    },
    errors: [...GENERATION_ERRORS, "400 too_many_items", "404 item_not_found"],
  },
];
