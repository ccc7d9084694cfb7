// The kinds of answers that are more than a text, each long enough to be interrupted: what is asked for, and when one is under way.

export interface AnswerKind {
  name: string;
  /** Of `AnswerServer`: one has thoughts and calls in its template, the other neither. */
  model: "plain" | "thinking";
  fields: Record<string, unknown>;
  /** What the pieces of it are, as a chunk's delta names them. */
  piece: "content" | "reasoning_content" | "tool_calls";
}

const WORDS = { type: "array", items: { type: "string", pattern: "^[a-z]{6,8}$" }, minItems: 400, maxItems: 500 };
export const LONG_SCHEMA = { type: "object", properties: { words: WORDS }, required: ["words"], additionalProperties: false };

export const tool = (name: string, parameters: object = LONG_SCHEMA) => ({ type: "function", function: { name, parameters } });
export const schemaFormat = (schema: object, strict = true) => ({
  type: "json_schema",
  json_schema: { name: "answer", schema, strict },
});

const CALL = { tools: [tool("write_down"), tool("read_out")], tool_choice: "required" };
const ENDLESS = { ignore_eos: true, max_tokens: 6000 };

export const KINDS: readonly AnswerKind[] = [
  { name: "a call of ours", model: "plain", fields: CALL, piece: "tool_calls" },
  {
    name: "a call of the template behind thoughts",
    model: "thinking",
    fields: { ...CALL, thinking_budget_tokens: 4 },
    piece: "tool_calls",
  },
  { name: "a text of a schema", model: "plain", fields: { response_format: schemaFormat(LONG_SCHEMA) }, piece: "content" },
  { name: "thoughts", model: "thinking", fields: { ...ENDLESS, thinking_budget_tokens: 5000 }, piece: "reasoning_content" },
  { name: "a text behind thoughts", model: "thinking", fields: { ...ENDLESS, thinking_budget_tokens: 4 }, piece: "content" },
  { name: "four choices", model: "plain", fields: { ...ENDLESS, n: 4, temperature: 1 }, piece: "content" },
  {
    name: "four choices with thoughts",
    model: "thinking",
    fields: { ...ENDLESS, n: 4, thinking_budget_tokens: 5000 },
    piece: "reasoning_content",
  },
  { name: "logprobs", model: "plain", fields: { ...ENDLESS, logprobs: true, top_logprobs: 5 }, piece: "content" },
  {
    name: "a text of a grammar",
    model: "plain",
    fields: { grammar: 'root ::= [a-z ]* "\\n" root', ...ENDLESS },
    piece: "content",
  },
];
