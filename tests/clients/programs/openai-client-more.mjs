// OpenAI's client: loops of its tool runner, the events of its streams, what ends an answer early, and its errors.
import assert from "node:assert/strict";
import OpenAI, { APIConnectionTimeoutError, APIUserAbortError, BadRequestError, NotFoundError } from "openai";
import { LengthFinishReasonError } from "openai/error";
import { ChatCompletionStream } from "openai/lib/ChatCompletionStream";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { ASK, BASE_URL, check, City, countingFetch, DESCRIBE, MAX_TOKENS, MODEL, Place, refused, weatherIn } from "./checks.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: "none", fetch: countingFetch });
const { completions } = client.chat;
const ask = (content, more) => ({
  ...{ model: MODEL, temperature: 0, max_tokens: MAX_TOKENS, messages: [{ role: "user", content }] },
  ...more,
});
const few = ask("Say hello.", { max_tokens: 5 });
const parameters = z.toJSONSchema(Place);
const runnable = (name, got) => ({
  type: "function",
  function: {
    name,
    description: `The ${name} in a city.`,
    parameters,
    parse: JSON.parse,
    function: (place) => (got.push(name), weatherIn(place)),
  },
});

await check("tools in a loop", async () => {
  for (const stream of [false, true]) {
    const got = [];
    const events = [];
    const tools = ["weather", "time"].map((name) => runnable(name, got));
    const runner = completions.runTools({ ...ask(ASK, { tool_choice: "required" }), stream, tools }, { maxChatCompletions: 3 });
    for (const name of ["connect", "chatCompletion", "functionToolCall", "functionToolCallResult", "totalUsage"])
      runner.on(name, () => events.push(name));
    await runner.done();
    assert.equal(got.length, 3);
    assert.equal(events.filter((name) => name === "functionToolCallResult").length, 3);
    const roles = runner.messages.map(({ role }) => role);
    assert.deepEqual(roles, ["user", ...[1, 2, 3].flatMap(() => ["assistant", "tool"])]);
    if (!stream) assert.ok((await runner.totalUsage()).completion_tokens > 10);
  }
});
await check("events of a stream", async () => {
  const stream = completions.stream({ ...ask(DESCRIBE), response_format: zodResponseFormat(City, "city"), logprobs: true });
  const seen = {};
  for (const name of ["chunk", "content.delta", "content.done", "logprobs.content.delta", "logprobs.content.done"])
    stream.on(name, (event) => (seen[name] ??= []).push(event));
  const { choices } = await stream.finalChatCompletion();
  City.parse(seen["content.done"][0].parsed);
  assert.equal(seen["content.delta"].at(-1).snapshot, choices[0].message.content);
  assert.equal(seen["logprobs.content.done"][0].content.length, choices[0].logprobs.content.length);
});
await check("a stream read elsewhere", async () => {
  const sent = completions.stream(few).toReadableStream();
  const { choices } = await ChatCompletionStream.fromReadableStream(sent).finalChatCompletion();
  assert.equal(choices[0].finish_reason, "length");
});
await check("usage of a stream", async () => {
  const chunks = await Array.fromAsync(
    await completions.create({ ...few, stream: true, stream_options: { include_usage: true } }),
  );
  const [last, ...others] = chunks.toReversed();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens);
  for (const { choices, usage } of others) assert.ok(choices.length === 1 && usage === null);
  assert.equal(others[0].choices[0].finish_reason, "length");
});
await check("a schema with every kind of part", async () => {
  const Node = z.object({
    name: z.string().max(8),
    get next() {
      return z.union([Node, z.null()]);
    },
  });
  const Shape = z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("circle"), radius: z.number() }),
    z.object({ kind: z.literal("square"), side: z.number() }),
  ]);
  const Whole = z.object({
    ...{ id: z.uuid(), day: z.iso.date(), score: z.int().min(0).max(9), note: z.string().max(8).nullable() },
    ...{ pair: z.array(z.boolean()).length(2), shape: Shape },
  });
  for (const schema of [Whole, z.object({ list: Node })]) {
    const request = ask("JSON, please.", { max_tokens: 400, response_format: zodResponseFormat(schema, "x") });
    const { choices } = await completions.parse(request).catch((error) => {
      // Its models of 135 million parameters nest without end.
      if (schema !== Whole && error instanceof LengthFinishReasonError) return { choices: [] };
      throw error;
    });
    for (const { message } of choices) schema.parse(message.parsed);
  }
});
await check("JSON of any kind", async () => {
  const { choices } = await completions.create(
    ask("A short JSON object.", { response_format: { type: "json_object" }, max_tokens: 400 }),
  );
  if (choices[0].finish_reason === "stop") assert.equal(typeof JSON.parse(choices[0].message.content), "object");
});
await check("a cut answer", async () => {
  const cut = ask(DESCRIBE, { response_format: zodResponseFormat(City, "city"), max_tokens: 3 });
  await assert.rejects(() => completions.parse(cut), LengthFinishReasonError);
  await assert.rejects(() => completions.stream(cut).finalChatCompletion(), LengthFinishReasonError);
});
await check("some tools allowed", async () => {
  const tools = ["weather", "time", "news"].map((name) => ({ type: "function", function: { name, parameters, strict: true } }));
  const allowed = { mode: "required", tools: [{ type: "function", function: { name: "time" } }] };
  const tool_choice = { type: "allowed_tools", allowed_tools: allowed };
  const { choices } = await completions.create(ask(ASK, { tools, tool_choice }));
  assert.deepEqual(
    choices[0].message.tool_calls.map(({ function: { name } }) => name),
    ["time"],
  );
});
await check("functions, as they were before tools", async () => {
  const functions = [{ name: "weather", parameters }];
  const called = ask(ASK, { functions, function_call: { name: "weather" } });
  for (const { choices } of [await completions.create(called), await completions.stream(called).finalChatCompletion()]) {
    const { finish_reason, message } = choices[0];
    assert.equal(finish_reason, "function_call");
    Place.parse(JSON.parse(message.function_call.arguments));
    const messages = [...called.messages, message, { role: "function", name: "weather", content: "Sunny." }];
    assert.ok((await completions.create({ ...called, messages, function_call: "none" })).choices[0].message.content);
  }
});
await check("parts and roles", async () => {
  const text = (text) => [{ type: "text", text }];
  const call = { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Paris"}' } };
  const messages = [
    ...[
      { role: "developer", content: text("Be brief.") },
      { role: "user", name: "Ann", content: [...text("Hello."), ...text("Weather?")] },
    ],
    ...[
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "call_1", content: text("Sunny.") },
    ],
    ...[
      { role: "assistant", content: [{ type: "refusal", refusal: "No." }] },
      { role: "user", content: text("Why?") },
    ],
  ];
  assert.ok((await completions.create({ ...few, messages })).choices[0].message.content);
});
await check("the same answer to the same seed", async () => {
  const seeded = ask("Tell a story.", { max_tokens: 12, temperature: 1, seed: 7 });
  const texts = [];
  for (let round = 0; round < 2; round++) texts.push((await completions.create(seeded)).choices[0].message.content);
  assert.equal(texts[0], texts[1]);
});
await check("abort", async () => {
  const long = ask("Tell a long story.", { max_tokens: 2000 });
  const stream = await completions.create({ ...long, stream: true });
  for await (const _ of stream) break;
  const helped = completions.stream(long);
  helped.on("content", () => helped.abort());
  await assert.rejects(() => helped.done(), APIUserAbortError);
  await assert.rejects(() => completions.create(long, { timeout: 100, maxRetries: 0 }), APIConnectionTimeoutError);
  assert.ok((await completions.create(few)).choices[0].message.content);
});
await check("errors", async () => {
  await refused(
    () => completions.create({ ...few, model: "gpt-4o" }),
    (error) => error instanceof NotFoundError && error.code === "model_not_found",
  );
  const much = ask("word ".repeat(20_000));
  for (const stream of [false, true])
    await refused(
      () => completions.create({ ...much, stream }),
      (error) => error instanceof BadRequestError && error.code === "context_length_exceeded" && error.requestID !== undefined,
    );
  await refused(
    () => completions.create({ ...few, top_logprobs: 2 }),
    (error) => error instanceof BadRequestError && error.param === "top_logprobs",
  );
});
await check("models, and the id of a request", async () => {
  const models = await Array.fromAsync(client.models.list());
  assert.ok(models.some(({ id }) => id === MODEL));
  assert.equal((await client.models.retrieve(MODEL)).object, "model");
  const { data, response, request_id } = await completions.create(few).withResponse();
  assert.equal(response.headers.get("x-request-id"), request_id);
  assert.equal(data._request_id, request_id);
});
