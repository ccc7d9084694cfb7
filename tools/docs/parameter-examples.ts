// For each parameter of a chat request a value that asks for something: the table of docs/api.md is made by trying it, and tested by sending it.
import { type KnownParameter, PARAMETERS } from "../../src/api/chat/parameters/list.ts";
import type { JsonObject } from "../../src/support/json.ts";

const CALLED = { name: "look", description: "Looks.", parameters: { type: "object", properties: {} } };
const TOOLS = { tools: [{ type: "function", function: CALLED }] };
const SCHEMA = { type: "object", properties: { a: { type: "boolean" } }, required: ["a"], additionalProperties: false };

/** The fields that are sent for a parameter, where one field will not do or the value must be a certain one. */
const EXAMPLES: Record<string, JsonObject> = {
  model: { model: "tiny" },
  messages: { messages: [{ role: "user", content: "hello" }] },
  stream: { stream: true },
  stream_options: { stream: true, stream_options: { include_usage: true } },
  "stream_options.include_usage": { stream: true, stream_options: { include_usage: true } },
  max_tokens: { max_tokens: 1 },
  max_completion_tokens: { max_completion_tokens: 1 },
  stop: { stop: ["x"] },
  cache_prompt: { cache_prompt: false },
  continue_final_message: {
    ...{ continue_final_message: true },
    messages: [
      { role: "user", content: "hello" },
      { role: "assistant", content: "hello" },
    ],
  },
  add_generation_prompt: { add_generation_prompt: true },
  usage: { stream: true, usage: { include: true } },
  n_predict: { n_predict: 1 },
  num_predict: { num_predict: 1 },
  max_new_tokens: { max_new_tokens: 1 },
  n: { n: 2 },
  n_cmpl: { n_cmpl: 2 },
  num_return_sequences: { num_return_sequences: 2 },
  tools: TOOLS,
  tool_choice: { ...TOOLS, tool_choice: "required" },
  parallel_tool_calls: { ...TOOLS, parallel_tool_calls: false },
  functions: { functions: [CALLED] },
  function_call: { functions: [CALLED], function_call: { name: "look" } },
  response_format: { response_format: { type: "json_schema", json_schema: { name: "a", schema: SCHEMA, strict: true } } },
  json_schema: { json_schema: SCHEMA },
  guided_json: { guided_json: SCHEMA },
  guided_json_object: { guided_json_object: true },
  structured_outputs: { structured_outputs: { json: SCHEMA } },
  guided_regex: { guided_regex: "[ab]{1,3}" },
  regex: { regex: "[ab]{1,3}" },
  guided_choice: { guided_choice: ["yes", "no"] },
  format: { format: SCHEMA },
  grammar: { grammar: 'root ::= "a" | "b"' },
  logprobs: { logprobs: true },
  top_logprobs: { logprobs: true, top_logprobs: 2 },
  logit_bias: { logit_bias: { "5": -100 } },
  mirostat: { mirostat: 2 },
  mirostat_tau: { mirostat: 2, mirostat_tau: 4 },
  mirostat_eta: { mirostat: 2, mirostat_eta: 0.2 },
  dynatemp_range: { dynatemp_range: 0.5 },
  dynatemp_exponent: { dynatemp_range: 0.5, dynatemp_exponent: 2 },
  xtc_probability: { xtc_probability: 0.5 },
  xtc_threshold: { xtc_probability: 0.5, xtc_threshold: 0.2 },
  dry_multiplier: { dry_multiplier: 0.8 },
  dry_base: { dry_multiplier: 0.8, dry_base: 2 },
  dry_allowed_length: { dry_multiplier: 0.8, dry_allowed_length: 3 },
  dry_penalty_last_n: { dry_multiplier: 0.8, dry_penalty_last_n: 16 },
  dry_sequence_breakers: { dry_multiplier: 0.8, dry_sequence_breakers: ["x"] },
  repeat_last_n: { repeat_penalty: 1.1, repeat_last_n: 16 },
  min_keep: { min_keep: 2 },
  ignore_eos: { ignore_eos: true },
  samplers: { samplers: ["top_k", "temperature"] },
  repeat_penalty: { repeat_penalty: 1.1 },
  repetition_penalty: { repetition_penalty: 1.1 },
  top_n_sigma: { top_n_sigma: 1 },
  keep_alive: { keep_alive: 60 },
  ttl: { ttl: 60 },
  random_seed: { random_seed: 5 },
  seed: { seed: 5 },
  top_k: { top_k: 5 },
  reasoning_effort: { reasoning_effort: "high" },
  chat_template_kwargs: { chat_template_kwargs: { enable_thinking: true } },
  thinking: { thinking: { type: "enabled" } },
  think: { think: true },
  reasoning: { reasoning: { enabled: true } },
  enable_thinking: { enable_thinking: true },
  include_reasoning: { include_reasoning: false },
  reasoning_budget: { reasoning_budget: 1 },
  reasoning_budget_tokens: { reasoning_budget_tokens: 1 },
  thinking_budget_tokens: { thinking_budget_tokens: 1 },
  thinking_token_budget: { thinking_token_budget: 1 },
  thinking_budget: { thinking_budget: 1 },
};

/** For the others: whichever of these asks for something. */
const ANY = [0.5, 5, "x", ["x"], { a: 1 }, true, false];

/** The fields of a request that asks for what the parameter is for. */
export function exampleOf(name: string): JsonObject {
  const known = EXAMPLES[name];
  if (known !== undefined) return known;
  const { nothing } = PARAMETERS.get(name) as KnownParameter;
  const value = ANY.find((one) => !nothing.includes(one, { [name]: one }));
  const [field, inner] = name.startsWith("stream_options.") ? name.split(".") : [name];
  return inner === undefined ? { [name]: value } : { stream: true, [field!]: { [inner]: value } };
}
