// LangChain in JavaScript.
import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { BadRequestError } from "openai";
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

const settings = {
  ...{ model: MODEL, apiKey: "none", temperature: 0, maxTokens: MAX_TOKENS },
  configuration: { baseURL: BASE_URL, fetch: countingFetch },
};
const model = new ChatOpenAI(settings);
const weather = tool(async (place) => weatherIn(place), {
  ...{ name: "weather", description: "The weather in a city.", schema: Place },
});
const calling = model.bindTools([weather], { tool_choice: "any" });

function isCall({ tool_calls, invalid_tool_calls }) {
  assert.equal(tool_calls[0].name, "weather");
  Place.parse(tool_calls[0].args);
  assert.deepEqual(invalid_tool_calls, []);
}

await check("structured output", async () => {
  for (const method of ["jsonSchema", "functionCalling"])
    City.parse(await model.withStructuredOutput(City, { method, name: "city", strict: true }).invoke(DESCRIBE));
});
await check("call", async () => isCall(await calling.invoke(ASK)));
await check("call, streamed", async () => {
  const pieces = await Array.fromAsync(await calling.stream(ASK));
  assert.ok(pieces.length > 2);
  isCall(pieces.reduce((all, piece) => all.concat(piece)));
});
await check("result handed back", async () => {
  const call = await calling.invoke(ASK);
  const result = await weather.invoke({ ...call.tool_calls[0], type: "tool_call" });
  const answer = await model.bindTools([weather], { tool_choice: "none" }).invoke([new HumanMessage(ASK), call, result]);
  assert.ok(answer.text);
});
await check("choices", async () => {
  const { generations } = await new ChatOpenAI({ ...settings, n: 2, temperature: 1 }).generate([
    [new HumanMessage("Say hello.")],
  ]);
  assert.equal(generations[0].length, 2);
});
await check("logprobs", async () => {
  const few = new ChatOpenAI({ ...settings, maxTokens: 2, logprobs: true, topLogprobs: 2 });
  assert.equal((await few.invoke("Say hello.")).response_metadata.logprobs.content.length, 2);
});
await check("refusal", () =>
  refused(
    () => model.withStructuredOutput({ title: "x", ...UNENFORCEABLE }, { method: "jsonSchema", strict: true }).invoke("Hello."),
    (error) => error instanceof BadRequestError && error.code === "unsupported_schema",
  ),
);
