// OpenAI's client: `parse`, its streams, and its runner of tools.
import assert from "node:assert/strict";
import OpenAI, { BadRequestError } from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
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

const { completions } = new OpenAI({ baseURL: BASE_URL, apiKey: "none", fetch: countingFetch }).chat;
const ask = (content, more) => ({
  ...{ model: MODEL, temperature: 0, max_tokens: MAX_TOKENS, messages: [{ role: "user", content }] },
  ...more,
});
const city = ask(DESCRIBE, { response_format: zodResponseFormat(City, "city") });
const weather = zodFunction({ name: "weather", description: "The weather in a city.", parameters: Place });
const called = ask(ASK, { tools: [weather], tool_choice: "required" });

function isCall({ finish_reason, message }) {
  assert.equal(finish_reason, "tool_calls");
  assert.equal(message.tool_calls[0].function.name, "weather");
  Place.parse(message.tool_calls[0].function.parsed_arguments);
}

await check("structured output", async () => City.parse((await completions.parse(city)).choices[0].message.parsed));
await check("structured output, streamed", async () => {
  let pieces = 0;
  const stream = completions.stream(city).on("content.delta", () => pieces++);
  City.parse((await stream.finalChatCompletion()).choices[0].message.parsed);
  assert.ok(pieces > 4);
});
await check("call", async () => isCall((await completions.parse(called)).choices[0]));
await check("call, streamed", async () => {
  let pieces = 0;
  const stream = completions.stream(called).on("tool_calls.function.arguments.delta", () => pieces++);
  isCall((await stream.finalChatCompletion()).choices[0]);
  assert.ok(pieces > 2);
});
await check("result handed back", async () => {
  const { message } = (await completions.create(called)).choices[0];
  const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: weatherIn({ city: "Paris" }) };
  const messages = [...called.messages, message, result];
  const answer = await completions.create({ ...called, messages, tool_choice: "none" });
  assert.ok(answer.choices[0].message.content);
});
await check("tools are run", async () => {
  for (const stream of [false, true]) {
    const got = [];
    const run = (place) => (got.push(Place.parse(place)), weatherIn(place));
    const parameters = z.toJSONSchema(Place);
    const tool = { type: "function", function: { name: "weather", parameters, parse: JSON.parse, function: run } };
    // A choice that forces a call makes this runner end after it.
    const tool_choice = { type: "function", function: { name: "weather" } };
    const runner = completions.runTools({ ...ask(ASK), stream, tools: [tool], tool_choice });
    await runner.done();
    assert.equal(got.length, 1);
    assert.equal(runner.messages.at(-1).role, "tool");
  }
});
await check("choices", async () => {
  const many = { ...city, n: 3, temperature: 1, seed: 1 };
  for (const { choices } of [await completions.parse(many), await completions.stream(many).finalChatCompletion()]) {
    assert.deepEqual(
      choices.map(({ index }) => index),
      [0, 1, 2],
    );
    for (const { message } of choices) City.parse(message.parsed);
  }
});
await check("logprobs", async () => {
  const few = ask(DESCRIBE, { max_tokens: 3, logprobs: true, top_logprobs: 2 });
  for (const { choices } of [await completions.create(few), await completions.stream(few).finalChatCompletion()]) {
    const tokens = choices[0].logprobs.content;
    assert.equal(tokens.length, 3);
    for (const { logprob, top_logprobs } of tokens) assert.ok(logprob <= 0 && top_logprobs.length === 2);
  }
});
await check("refusal", () => {
  const response_format = { type: "json_schema", json_schema: { name: "x", strict: true, schema: UNENFORCEABLE } };
  return refused(
    () => completions.parse({ ...city, response_format }),
    (error) => error instanceof BadRequestError && error.code === "unsupported_schema",
  );
});
