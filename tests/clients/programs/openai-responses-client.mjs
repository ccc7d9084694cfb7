// OpenAI's client asks for responses, as programs do that keep the conversation themselves.
import assert from "node:assert/strict";
import OpenAI, { BadRequestError } from "openai";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import {
  ASK,
  BASE_URL,
  check,
  City,
  countingFetch,
  DESCRIBE,
  MAX_TOKENS,
  MODEL,
  Place,
  refused,
  UNENFORCEABLE,
  weatherIn,
} from "./checks.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: "none", fetch: countingFetch });
const { responses } = client;
const BASE = { model: MODEL, temperature: 0, max_output_tokens: MAX_TOKENS };
const WEATHER = zodResponsesFunction({ name: "get_weather", parameters: Place });

await check("a text", async () => {
  const response = await responses.create({ ...BASE, instructions: "Be brief.", input: "Hello", max_output_tokens: 20 });
  assert.ok(response.output_text.length > 0);
  assert.ok(["completed", "incomplete"].includes(response.status));
  assert.equal(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens);
});
await check("a stream", async () => {
  const stream = responses.stream({ ...BASE, input: [{ role: "user", content: "Hello" }], max_output_tokens: 20 });
  let [text, last] = ["", -1];
  for await (const event of stream) {
    assert.equal(event.sequence_number, last + 1);
    last = event.sequence_number;
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  const { output_text } = await stream.finalResponse();
  assert.equal(output_text, text);
});
await check("a parsed answer", async () => {
  const { output_parsed } = await responses.parse({ ...BASE, input: DESCRIBE, text: { format: zodTextFormat(City, "city") } });
  City.parse(output_parsed);
});
await check("a call of a tool, and its answer", async () => {
  const input = [{ role: "user", content: ASK }];
  const first = await responses.parse({ ...BASE, input, tools: [WEATHER], tool_choice: "required", parallel_tool_calls: false });
  const call = first.output.find(({ type }) => type === "function_call");
  const place = Place.parse(call.parsed_arguments);
  input.push(...first.output, { type: "function_call_output", call_id: call.call_id, output: weatherIn(place) });
  const second = await responses.create({ ...BASE, input, tools: [WEATHER], tool_choice: "none" });
  assert.ok(second.output_text.length > 0);
});
await check("a custom tool", async () => {
  const format = { type: "grammar", syntax: "regex", definition: "[a-z]{3,8}" };
  const tools = [{ type: "custom", name: "note", description: "Writes down one word.", format }];
  const stream = responses.stream({ ...BASE, input: "Write down a word.", tools, tool_choice: { type: "custom", name: "note" } });
  let text = "";
  for await (const event of stream) if (event.type === "response.custom_tool_call_input.delta") text += event.delta;
  const { output } = await stream.finalResponse();
  const call = output.find(({ type }) => type === "custom_tool_call");
  assert.equal(call.input, text);
  assert.match(text, /^[a-z]{3,8}$/);
});
await check("the count of an input", async () => {
  const asked = { model: MODEL, input: "Hello", instructions: "Be brief." };
  const { input_tokens } = await responses.inputTokens.count(asked);
  const { usage } = await responses.create({ ...BASE, ...asked, max_output_tokens: 1 });
  assert.equal(usage.input_tokens, input_tokens);
});
await check("refusal", async () => {
  const isNamed = (param) => (error) => error instanceof BadRequestError && error.param === param;
  const format = { type: "json_schema", name: "a", strict: true, schema: UNENFORCEABLE };
  await refused(() => responses.create({ ...BASE, input: "Hello", text: { format } }), isNamed("text.format.schema"));
  await refused(
    () => responses.create({ ...BASE, input: "Hello", previous_response_id: "resp_1" }),
    isNamed("previous_response_id"),
  );
});
