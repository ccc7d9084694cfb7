// The AI SDK: its other forms of objects, agents that call tools for several steps, and what ends an answer early.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, NoObjectGeneratedError, Output, stepCountIs, streamText, tool, ToolLoopAgent } from "ai";
import { ASK, BASE_URL, check, City, countingFetch, DESCRIBE, MAX_TOKENS, MODEL, Place, refused, weatherIn } from "./checks.mjs";

// Its notes on what it gives up would be read as an error.
globalThis.AI_SDK_LOG_WARNINGS = false;
process.noDeprecation = true;

const settings = { name: "ingle", baseURL: BASE_URL, apiKey: "none", fetch: countingFetch, includeUsage: true };
const model = createOpenAICompatible({ ...settings, supportsStructuredOutputs: true })(MODEL);
const common = { model, temperature: 0, maxOutputTokens: MAX_TOKENS };
const describe = { ...common, prompt: DESCRIBE };
const weather = tool({ description: "The weather in a city.", inputSchema: Place, execute: async (place) => weatherIn(place) });
const time = tool({ description: "The time in a city.", inputSchema: Place, execute: async () => ({ hour: 12 }) });
const looped = { ...common, tools: { weather, time }, stopWhen: stepCountIs(4) };
/** Calls for three steps, and then a text. */
const callsFirst = ({ stepNumber }) => ({ toolChoice: stepNumber < 3 ? "required" : "none" });

function hasLooped(steps) {
  assert.deepEqual(
    steps.map(({ toolCalls, toolResults, finishReason }) => [toolCalls.length, toolResults.length, finishReason].join()),
    [...Array(3).fill("1,1,tool-calls"), steps.at(-1).finishReason === "length" ? "0,0,length" : "0,0,stop"],
  );
}

await check("arrays, choices, and JSON of any kind", async () => {
  const places = await generateText({ ...describe, maxOutputTokens: 400, output: Output.array({ element: Place }) }).catch(cut);
  if (places !== undefined) for (const place of places.output) Place.parse(place);
  assert.ok(
    ["hot", "cold"].includes((await generateText({ ...describe, output: Output.choice({ options: ["hot", "cold"] }) })).output),
  );
  const any = await generateText({ ...describe, maxOutputTokens: 400, output: Output.json() }).catch(cut);
  if (any !== undefined) assert.notEqual(any.output, undefined);
});
await check("a streamed text with an object", async () => {
  const { partialOutputStream, output, finishReason } = streamText({ ...describe, output: Output.object({ schema: City }) });
  assert.ok((await Array.fromAsync(partialOutputStream)).length > 2);
  City.parse(await output);
  assert.equal(await finishReason, "stop");
});
await check("a schema in the prompt alone", async () => {
  const plain = createOpenAICompatible(settings)(MODEL);
  await generateText({ ...describe, model: plain, maxOutputTokens: 400, output: Output.object({ schema: City }) }).catch(cut);
});
await check("tools in a loop", async () => {
  hasLooped((await generateText({ ...looped, prompt: ASK, prepareStep: callsFirst })).steps);
  const agent = new ToolLoopAgent({ ...looped, instructions: "Use the tools.", prepareStep: callsFirst });
  hasLooped((await agent.generate({ prompt: ASK })).steps);
});
await check("tools in a loop, streamed", async () => {
  const { fullStream, steps, totalUsage } = streamText({ ...looped, prompt: ASK, prepareStep: callsFirst });
  const parts = (await Array.fromAsync(fullStream)).map(({ type }) => type);
  assert.ok(!parts.includes("error"));
  for (const type of ["tool-input-start", "tool-input-end", "tool-call", "tool-result"])
    assert.equal(parts.filter((one) => one === type).length, 3, type);
  hasLooped(await steps);
  assert.ok((await totalUsage).outputTokens > 20);
});
await check("messages of every kind", async () => {
  const call = { toolCallId: "call_1", toolName: "weather" };
  const messages = [
    ...[
      {
        role: "user",
        content: [
          { type: "text", text: "Weather" },
          { type: "text", text: "in Paris?" },
        ],
      },
    ],
    ...[
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "Hm." },
          { type: "tool-call", ...call, input: { city: "Paris" } },
        ],
      },
    ],
    ...[{ role: "tool", content: [{ type: "tool-result", ...call, output: { type: "json", value: { sunny: true } } }] }],
    ...[
      { role: "assistant", content: "Sunny." },
      { role: "user", content: "Thanks." },
    ],
  ];
  const { text, usage } = await generateText({
    ...common,
    instructions: "Be brief.",
    messages,
    tools: { weather },
    toolChoice: "none",
  });
  assert.ok(text && usage.inputTokens > 20);
});
await check("a cut answer", async () => {
  const cut = { ...describe, maxOutputTokens: 3 };
  assert.equal((await generateText(cut)).finishReason, "length");
  const { finishReason, output } = await generateText({ ...cut, output: Output.object({ schema: City }) }).catch(
    (error) => error,
  );
  assert.equal(finishReason ?? "length", "length");
  assert.equal(output, undefined);
});
await check("abort", async () => {
  const stop = new AbortController();
  const aborted = [];
  const long = { ...common, prompt: "Tell a long story.", maxOutputTokens: 2000, abortSignal: stop.signal };
  const { textStream } = streamText({ ...long, onAbort: () => aborted.push(true) });
  for await (const _ of textStream) stop.abort();
  assert.deepEqual(aborted, [true]);
  const { text } = await generateText({ ...common, prompt: "Say hello.", maxOutputTokens: 5 });
  assert.ok(text);
});
await check("errors", async () => {
  const isBad = (error) => APICallError.isInstance(error) && error.statusCode === 400 && !error.isRetryable;
  await refused(
    () => generateText({ ...common, prompt: "word ".repeat(20_000) }),
    (error) => isBad(error) && error.message.includes("maximum context length"),
  );
  const seen = [];
  const { textStream } = streamText({ ...common, prompt: "word ".repeat(20_000), onError: ({ error }) => seen.push(error) });
  assert.deepEqual(await Array.fromAsync(textStream), []);
  assert.ok(isBad(seen[0]));
  await refused(
    () => generateText({ ...common, model: createOpenAICompatible(settings)("gpt-4o"), prompt: "Hello." }),
    (error) => APICallError.isInstance(error) && error.statusCode === 404 && !error.isRetryable,
  );
});

/** A model of 135 million parameters may not come to an end. */
function cut(error) {
  if (!NoObjectGeneratedError.isInstance(error)) throw error;
}
