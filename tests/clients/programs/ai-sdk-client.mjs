// The AI SDK, with the provider that it has for servers like this one.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateObject, generateText, jsonSchema, Output, stepCountIs, streamObject, streamText, tool } from "ai";
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

// Its notes on what it gives up would be read as an error.
globalThis.AI_SDK_LOG_WARNINGS = false;
process.noDeprecation = true;

const provider = createOpenAICompatible({
  ...{ name: "ingle", baseURL: BASE_URL, apiKey: "none", fetch: countingFetch },
  supportsStructuredOutputs: true,
  includeUsage: true,
});
const common = { model: provider(MODEL), temperature: 0, maxOutputTokens: MAX_TOKENS };
const city = { ...common, schema: City, prompt: DESCRIBE };
const weather = tool({ description: "The weather in a city.", inputSchema: Place, execute: async (place) => weatherIn(place) });
const twoSteps = {
  ...{ ...common, prompt: ASK, tools: { weather }, stopWhen: stepCountIs(2) },
  prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? { type: "tool", toolName: "weather" } : "none" }),
};

await check("structured output", async () => {
  const { object, finishReason, warnings } = await generateObject(city);
  City.parse(object);
  assert.equal(finishReason, "stop");
  assert.deepEqual(warnings, []);
  City.parse((await generateText({ ...common, prompt: DESCRIBE, output: Output.object({ schema: City }) })).output);
});
await check("structured output, streamed", async () => {
  const { partialObjectStream, object, usage } = streamObject(city);
  const pieces = await Array.fromAsync(partialObjectStream);
  assert.ok(pieces.length > 2);
  City.parse(await object);
  assert.ok((await usage).outputTokens > 4);
});
await check("call", async () => {
  const { finishReason, toolCalls } = await generateText({ ...common, prompt: ASK, tools: { weather }, toolChoice: "required" });
  assert.equal(finishReason, "tool-calls");
  assert.equal(toolCalls[0].toolName, "weather");
  Place.parse(toolCalls[0].input);
});
await check("result handed back", async () => {
  const { steps, text } = await generateText(twoSteps);
  assert.equal(steps.length, 2);
  assert.equal(steps[0].toolResults.length, 1);
  assert.ok(text);
});
await check("tools are run, streamed", async () => {
  const parts = (await Array.fromAsync(streamText(twoSteps).fullStream)).map(({ type }) => type);
  for (const type of ["tool-input-delta", "tool-call", "tool-result", "text-delta"]) assert.ok(parts.includes(type), type);
  assert.ok(!parts.includes("error"));
});
await check("refusal", () =>
  refused(
    () => generateObject({ ...city, schema: jsonSchema(UNENFORCEABLE) }),
    (error) => APICallError.isInstance(error) && error.statusCode === 400 && !error.isRetryable,
  ),
);
