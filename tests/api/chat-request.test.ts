// The request that an engine gets: defaults, the model, the messages, and parameters that it cannot honour.
import { describe, expect, test } from "bun:test";
import { CAPABILITIES, type Capability, type ChatRequest } from "../../adapters/adapter.ts";
import { errorOf, HI, makeApp, makeModel, SEED } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";

/** What reached the engine for a request with these fields. */
async function engineAsked(fields: object, parameters = {}, capabilities: Capability[] = []): Promise<ChatRequest> {
  const fake = fakeAdapter({ answer: ["x"], capabilities });
  const { chat } = makeApp({ adapter: fake.adapter, models: [makeModel("tiny", { parameters })] });
  const res = await chat(fields);
  if (res.status !== 200) throw new Error(await res.text());
  return (await fake.generation(0)).request;
}

const DOCUMENT: ChatRequest = {
  messages: [{ role: "user", content: "hi" }],
  max_tokens: 2048,
  temperature: 0.7,
  top_p: 0.95,
  top_k: 40,
  min_p: 0,
  repeat_penalty: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
  stop: [],
  seed: SEED,
  repeatable: false,
  cache_scope: "",
  unasked: ["max_tokens", "temperature", "top_p", "top_k", "min_p", "repeat_penalty", "seed"],
};

describe("sampling parameters", () => {
  test("have the document's defaults", async () => {
    expect(await engineAsked({})).toEqual(DOCUMENT);
  });

  test("that are null have their defaults", async () => {
    const names = ["stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p"];
    const more = ["repeat_penalty", "frequency_penalty", "presence_penalty", "seed", "stop", "n", "tools", "logit_bias"];
    expect(await engineAsked(Object.fromEntries([...names, ...more].map((name) => [name, null])))).toEqual(DOCUMENT);
  });

  const RECORD = {
    max_tokens: 100,
    temperature: 0.2,
    top_p: 0.5,
    frequency_penalty: 1,
    presence_penalty: -1,
    stop: ["END"],
    stream: true,
  };

  test("are the model's where the request has none, but for stream", async () => {
    const { stream: _, ...sampling } = RECORD;
    const unasked = ["top_k", "min_p", "repeat_penalty", "seed"];
    expect(await engineAsked({}, RECORD)).toEqual({ ...DOCUMENT, ...sampling, unasked } as ChatRequest);
  });

  test("are the request's before all others, zeros and empty lists too", async () => {
    const zeros = { temperature: 0, top_p: 0, frequency_penalty: 0, presence_penalty: 0, seed: 0, stop: [] };
    const rest = { max_tokens: 1, top_k: 0, min_p: 0.1, repeat_penalty: 1.1 };
    expect(await engineAsked({ ...zeros, ...rest }, RECORD)).toEqual({
      ...{ ...DOCUMENT, ...zeros, ...rest },
      ...{ repeatable: true, unasked: [] },
    });
  });

  test("of the model count also where they are 0", async () => {
    expect(await engineAsked({}, { temperature: 0, top_p: 0 })).toMatchObject({ temperature: 0, top_p: 0, repeatable: true });
  });

  test.each([
    [{ max_tokens: 5, max_completion_tokens: 7 }, { max_tokens: 7 }],
    [{ max_tokens: 5, max_completion_tokens: null }, { max_tokens: 5 }],
    [{ max_tokens: 1e9 }, { max_tokens: 1e9 }],
    [{ stop: "x" }, { stop: ["x"] }],
    [{ stop: Array.from({ length: 16 }, () => "x".repeat(1024)) }, { stop: Array.from({ length: 16 }, () => "x".repeat(1024)) }],
    [{ top_k: -1 }, { top_k: 0 }],
    [{ seed: 7 }, { seed: 7, repeatable: true }],
    [{ seed: -1 }, { seed: SEED, repeatable: false }],
    [{ seed: -2 }, { seed: 2 ** 32 - 2, repeatable: true }],
    [{ seed: 2 ** 32 + 5 }, { seed: 5, repeatable: true }],
    [{ temperature: 0 }, { seed: SEED, repeatable: true }],
    [
      { temperature: 2, top_p: 1, frequency_penalty: -2, presence_penalty: 2 },
      { temperature: 2, top_p: 1 },
    ],
  ])("%j is %j to the engine", async (fields, expected) => {
    expect(await engineAsked(fields)).toMatchObject(expected);
  });

  test("B-12: unknown fields reach no engine", async () => {
    const strange = { unknown: 1, user: "me", metadata: { a: 1 }, __proto__: null, constructor: 1 };
    expect(await engineAsked(JSON.parse(`{"__proto__":{"top_k":1},${JSON.stringify(strange).slice(1)}`))).toEqual(DOCUMENT);
  });
});

const PIXEL = "data:image/png;base64,iVBORw0KGgo=";
const CALL = { id: "call_1", type: "function" as const, function: { name: "weather", arguments: '{"city":"Paris"}' } };

describe("the messages", () => {
  test("take developer for system, text parts for lines, an empty text for a text", async () => {
    const messages = [
      { role: "developer", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "one" },
          { type: "text", text: "two" },
        ],
      },
      { role: "assistant", content: "", name: "me", tool_calls: [] },
      { role: "tool", content: "42", tool_call_id: "call_1" },
      { role: "user", content: [] },
    ];
    expect((await engineAsked({ messages })).messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "one\ntwo" },
      { role: "assistant", content: "", name: "me" },
      { role: "tool", content: "42", tool_call_id: "call_1" },
      { role: "user", content: "" },
    ]);
  });

  test("keep what an assistant thought, refused and called, under one name each", async () => {
    const messages = [
      { role: "user", name: "ada", content: "hi" },
      { role: "assistant", content: null },
      { role: "assistant", content: "a", reasoning_content: "because" },
      { role: "assistant", content: "b", reasoning: "since", reasoning_content: "" },
      { role: "assistant", content: "c", thinking: "so", images: [], audio: null },
      { role: "assistant", content: null, refusal: "I will not." },
      { role: "assistant", content: [{ type: "refusal", refusal: "Nor that." }] },
      { role: "assistant", content: "text", refusal: null, reasoning: null },
      { role: "user", content: "x", reasoning_content: "none of a user's", thinking: { type: "enabled" } },
    ];
    expect((await engineAsked({ messages })).messages).toEqual([
      { role: "user", name: "ada", content: "hi" },
      { role: "assistant", content: "" },
      { role: "assistant", content: "a", reasoning_content: "because" },
      { role: "assistant", content: "b", reasoning_content: "since" },
      { role: "assistant", content: "c", reasoning_content: "so" },
      { role: "assistant", content: "I will not." },
      { role: "assistant", content: "Nor that." },
      { role: "assistant", content: "text" },
      { role: "user", content: "x" },
    ]);
  });

  test("B-33: every valid string arrives as it was sent", async () => {
    const content = 'NUL \0, RTL \u202e, ZWJ 👩‍👩‍👧, \u2028, <|im_start|>, "\\';
    expect((await engineAsked({ messages: [{ role: "user", content }] })).messages[0]!.content).toBe(content);
  });

  test.each([
    [
      { role: "user", content: [{ type: "image_url", image_url: { url: "http://169.254.169.254/" } }] },
      "content[0].image_url.url",
      "unsupported_content",
    ],
    [{ role: "user", content: [{ type: "image_url", image_url: { url: PIXEL } }] }, "content", "unsupported_content"],
    [{ role: "user", content: "what is this?", images: ["iVBORw0KGgo="] }, "images", "unsupported_content"],
    [{ role: "assistant", content: "hi", audio: { id: "audio_1" } }, "audio", "unsupported_content"],
    [{ role: "user", content: [{ type: "input_audio" }] }, "content[0].type", "unsupported_content"],
    [{ role: "user", content: [{ type: "text" }] }, "content[0].text", "missing_required_parameter"],
    [{ role: "user", content: [5] }, "content[0]", "invalid_type"],
    [{ role: "user", content: null }, "content", "missing_required_parameter"],
    [{ role: "function", name: "look" }, "content", "missing_required_parameter"],
    [{ role: "assistant", content: "", reasoning_content: 5 }, "reasoning_content", "invalid_type"],
    [
      { role: "assistant", content: null, function_call: { arguments: "{}" } },
      "function_call.name",
      "missing_required_parameter",
    ],
    [{ role: "assistant", content: null, tool_calls: [{ id: "a" }] }, "tool_calls[0].function", "missing_required_parameter"],
  ])("%j is refused", async (message, at, code) => {
    const res = await makeApp().chat({ messages: [...HI, message] });
    expect(await errorOf(res)).toMatchObject({ status: 400, param: `messages[1].${at}`, code });
  });
});

test("the refusal of an answer without a token names the number and the way out", async () => {
  const error = await errorOf(await makeApp().chat({ max_tokens: 0 }));
  expect(error).toMatchObject({ status: 400, param: "max_tokens", code: "invalid_value" });
  expect(error.message).toBe("An answer of 0 tokens is asked for. Ask for 1 or more, or for -1: no bound but the context.");
});

describe("the model", () => {
  const models = [makeModel("tiny"), makeModel("org/big")];
  const answeredBy = async (options: Parameters<typeof makeApp>[0], fields = {}) =>
    ((await (await makeApp(options).chat(fields)).json()) as { model: string }).model;

  test("is the one that is named, also where its id has a slash", async () => {
    expect(await answeredBy({ models, default_model: "tiny" }, { model: "org/big" })).toBe("org/big");
  });
  test("is the default one where none is named", async () => {
    expect(await answeredBy({ models, default_model: "org/big" })).toBe("org/big");
  });
  test("is the only one where there is no default", async () => {
    expect(await answeredBy({})).toBe("tiny");
  });

  test("must be named among several", async () => {
    const error = await errorOf(await makeApp({ models }).chat());
    expect(error).toMatchObject({ status: 400, param: "model", code: "missing_required_parameter" });
    expect(error.message).toContain("2 of the installed models can chat");
  });

  test("is the only one that can chat, whatever is installed beside it", async () => {
    const others = [makeModel("embedder", { causal: false }), makeModel("ranker", { pooling: "rank" })];
    const all = [...others, makeModel("writer", { causal: true })];
    expect(await answeredBy({ models: all })).toBe("writer");
    expect(await answeredBy({ models: all, default_model: "embedder" })).toBe("writer");
    const { chat } = makeApp({ models: all });
    expect(await errorOf(await chat({ model: "ranker" }))).toMatchObject({
      ...{ status: 400, param: "model", code: "invalid_value" },
      message: `"ranker" is a model that ranks texts (a reranker): it cannot chat. Installed models that can: "writer".`,
    });
    const nobody = await errorOf(await makeApp({ models: others }).chat());
    expect(nobody).toMatchObject({ status: 404, message: expect.stringContaining("No installed model can chat.") });
  });

  test.each([
    ["B-18: is a 404 that says how to get one where nothing is installed", { models: [] }, {}, "ingle pull"],
    [
      "B-19: is a 404 that says what there is where it is unknown",
      { models },
      { model: "huge" },
      '"huge" is not installed. GET /v1/models',
    ],
    ["is a 404 where the default is not installed", { models, default_model: "gone" }, {}, '"gone"'],
    ["is not found among the properties of any object", {}, { model: "__proto__" }, "__proto__"],
  ])("%s", async (_name, options, fields, hint) => {
    const error = await errorOf(await makeApp(options).chat(fields));
    expect(error).toMatchObject({ status: 404, param: "model", code: "model_not_found" });
    expect(error.message).toContain(hint);
  });

  test("with an endless name is not quoted whole", async () => {
    const error = await errorOf(await makeApp().chat({ model: "m".repeat(100_000) }));
    expect(error.code).toBe("model_not_found");
    expect(error.message.length).toBeLessThan(600);
  });
});

describe("a parameter that only some engines honour", () => {
  const able = (fields: object) => engineAsked(fields, {}, [...CAPABILITIES]);
  const WEATHER = { type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } };
  const TIME = { type: "function", function: { name: "time" } };
  const allowed = (mode: string, ...names: string[]) => ({
    type: "allowed_tools",
    allowed_tools: { mode, tools: names.map((name) => ({ type: "function", function: { name } })) },
  });
  const SCHEMA = { type: "json_schema", json_schema: { name: "city", schema: { type: "object" } } };

  test.each([
    [{ tools: [WEATHER] }, { tools: [WEATHER] }],
    [
      { tools: [WEATHER], tool_choice: "required" },
      { tools: [WEATHER], tool_choice: "required" },
    ],
    [
      { tools: [WEATHER], tool_choice: { type: "function", function: { name: "weather" } } },
      { tools: [WEATHER], tool_choice: { name: "weather" } },
    ],
    [
      { tools: [WEATHER], parallel_tool_calls: false },
      { tools: [WEATHER], parallel_tool_calls: false },
    ],
    [{ response_format: { type: "json_object" } }, { response_format: { type: "json_object" } }],
    [{ response_format: SCHEMA }, { response_format: SCHEMA }],
    [{ response_format: { type: "json_object", schema: null } }, { response_format: { type: "json_object" } }],
    [
      { response_format: { type: "json_object", schema: { type: "object" } } },
      { response_format: { ...SCHEMA, json_schema: { ...SCHEMA.json_schema, name: "schema" } } },
    ],
    [{ grammar: 'root ::= "a"' }, { grammar: 'root ::= "a"' }],
    [{ logprobs: true }, { logprobs: { top: 0 } }],
    [{ logprobs: true, top_logprobs: 5 }, { logprobs: { top: 5 } }],
    [{ logit_bias: { "12": -100 } }, { logit_bias: { "12": -100 } }],
    [
      {
        logit_bias: [
          [12, false],
          [13, 5],
        ],
      },
      { logit_bias: { "12": -100, "13": 5 } },
    ],
    [{ mirostat: 2, mirostat_tau: 4 }, { samplers: { mirostat: 2, mirostat_tau: 4 } }],
    [{ samplers: ["top_k", "temperature"] }, { samplers: { samplers: ["top_k", "temperature"] } }],
    [{ n: 8 }, { choices: { count: 8, at_once: 2 } }],
    [
      { tools: [WEATHER], tool_choice: "any" },
      { tools: [WEATHER], tool_choice: "required" },
    ],
    [
      { tools: [WEATHER], tool_choice: { type: "any" } },
      { tools: [WEATHER], tool_choice: "required" },
    ],
    [
      { tools: [WEATHER], tool_choice: { type: "auto" } },
      { tools: [WEATHER], tool_choice: "auto" },
    ],
    [
      { tools: [WEATHER, TIME], tool_choice: allowed("required", "time") },
      { tools: [TIME], tool_choice: "required" },
    ],
    [
      { tools: [WEATHER, TIME], tool_choice: allowed("auto") },
      { tools: [WEATHER, TIME], tool_choice: "none" },
    ],
    [
      { tools: [WEATHER], response_format: SCHEMA },
      { tools: [WEATHER], response_format: SCHEMA },
    ],
    [
      { tools: [WEATHER], tool_choice: "none", grammar: "g" },
      { tools: [WEATHER], tool_choice: "none", grammar: "g" },
    ],
    [{ response_format: { type: "regex", regex: "a+" } }, { response_format: { type: "regex", regex: "a+" } }],
  ])("%j reaches the engine", async (fields, expected) => {
    expect(await able(fields)).toEqual({ ...DOCUMENT, ...expected } as ChatRequest);
  });

  test.each([
    { tools: [] },
    { tool_choice: "auto" },
    { response_format: { type: "text" } },
    { logprobs: false },
    { tools: null },
    { grammar: "" },
    { grammar: "", response_format: { type: "text" }, top_logprobs: 0 },
  ])("%j passes with every engine", async (fields) => {
    expect(await able(fields)).toEqual(DOCUMENT);
  });

  test.each([
    [{ tools: [{ type: "function", function: { name: "a b" } }] }, "tools[0].function.name"],
    [{ tools: [{ type: "function", function: { name: "a".repeat(129) } }] }, "tools[0].function.name"],
    [{ tools: [WEATHER, TIME, WEATHER] }, "tools[2].function.name"],
    [{ tools: [WEATHER], tool_choice: allowed("auto", "weather", "x") }, "tool_choice.allowed_tools.tools[1].function.name"],
    [{ tools: [WEATHER], tool_choice: allowed("required") }, "tool_choice.allowed_tools.tools"],
    [{ tools: [WEATHER], tool_choice: "sometimes" }, "tool_choice"],
    [{ tools: [WEATHER], grammar: "x" }, "grammar"],
    [{ n: 9 }, "n"],
    [{ n: 0 }, "n"],
    [{ n: 1.5 }, "n"],
    [{ response_format: { type: "regex", regex: "" } }, "response_format.regex"],
    [{ response_format: { type: "choice", choice: [] } }, "response_format.choice"],
    [{ tool_choice: "required" }, "tool_choice"],
    [{ tools: [WEATHER], tool_choice: { type: "function", function: { name: "x" } } }, "tool_choice.function.name"],
    [{ response_format: { type: "yaml" } }, "response_format.type"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema"],
    [{ grammar: 5 }, "grammar"],
    [{ grammar: "x".repeat(65_537) }, "grammar"],
    [{ grammar: "x", response_format: SCHEMA }, "grammar"],
    [{ top_logprobs: 2 }, "top_logprobs"],
    [{ logprobs: true, top_logprobs: 21 }, "top_logprobs"],
    [{ logit_bias: { "12": 101 } }, "logit_bias.12"],
    [{ logit_bias: { hello: 1 } }, "logit_bias.hello"],
    [{ logit_bias: [["hello", 1]] }, "logit_bias[0][0]"],
    [{ logit_bias: [[1, 101]] }, "logit_bias[0][1]"],
    [{ response_format: { type: "json_object", schema: 5 } }, "response_format.schema"],
    [{ response_format: { type: "json_schema", name: "a", schema: {}, strict: "yes" } }, "response_format.strict"],
    [{ mirostat: 3 }, "mirostat"],
    [{ samplers: ["magic"] }, "samplers[0]"],
  ])("%j is refused", async (fields, param) => {
    const fake = fakeAdapter({ answer: ["x"], capabilities: [...CAPABILITIES] });
    expect(await errorOf(await makeApp({ adapter: fake.adapter }).chat(fields))).toMatchObject({ status: 400, param });
    expect(fake.generations).toEqual([]);
  });

  const named = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ type: "function", function: { name: `${"x".repeat(100)}-${i}` } }));
  /** A schema of so many bytes, as JSON. */
  const sized = (bytes: number) => ({ type: "string", description: "x".repeat(bytes - 34) });

  test("1,024 tools and a schema of 256 KiB reach the engine, and one more does not", async () => {
    const limit = 256 * 1024;
    expect(JSON.stringify(sized(limit))).toHaveLength(limit);
    const tool = (bytes: number) => ({ tools: [{ type: "function", function: { name: "f", parameters: sized(bytes) } }] });
    const format = (bytes: number) => ({
      response_format: { type: "json_schema", json_schema: { name: "s", schema: sized(bytes) } },
    });
    for (const fields of [{ tools: named(1024) }, tool(limit), format(limit)]) expect(await able(fields)).toMatchObject(fields);
    const refusals = [{ tools: named(1025) }, tool(limit + 1), format(limit + 1)].map(async (fields) =>
      errorOf(await makeApp({ adapter: fakeAdapter({ capabilities: [...CAPABILITIES] }).adapter }).chat(fields)),
    );
    expect(await Promise.all(refusals)).toMatchObject([
      { code: "too_many_items", param: "tools", message: '"tools" has 1025 items. At most 1024 are allowed.' },
      { code: "invalid_value", param: "tools[0].function.parameters" },
      { code: "invalid_value", param: "response_format.json_schema.schema" },
    ]);
  });

  test("messages with images, calls of tools and their answers reach the engine as they are", async () => {
    const image = { type: "image_url", image_url: { url: PIXEL } };
    const messages = [
      { role: "user", content: [{ type: "text", text: "What is this?" }, image] },
      { role: "assistant", content: null, tool_calls: [CALL] },
      { role: "tool", content: "rain", tool_call_id: "call_1" },
    ];
    expect((await able({ messages })).messages).toEqual([
      messages[0],
      { ...messages[1], content: "" },
      messages[2],
    ] as ChatRequest["messages"]);
  });

  test("a history with calls passes with any engine, and is the engine's to show", async () => {
    const messages = [
      { role: "assistant", content: "", tool_calls: [CALL] },
      { role: "tool", content: "rain", tool_call_id: "call_1" },
    ];
    expect((await engineAsked({ messages })).messages).toEqual(messages as ChatRequest["messages"]);
  });

  test("a call of a function and its answer, as they were before tools, are those of a tool", async () => {
    const messages = [
      { role: "assistant", content: null, function_call: { name: "look", arguments: "" } },
      { role: "function", name: "look", content: "rain" },
    ];
    expect((await able({ messages })).messages).toEqual([
      {
        role: "assistant",
        content: "",
        tool_calls: [{ id: "call_look", type: "function", function: { name: "look", arguments: "{}" } }],
      },
      { role: "tool", content: "rain", tool_call_id: "call_look", name: "look" },
    ]);
  });

  test.each([
    ["", "{}"],
    [" ", "{}"],
    [null, "{}"],
    [undefined, "{}"],
    ["{", "{"],
    [{ city: "Rome" }, '{"city":"Rome"}'],
  ])("a call with the arguments %j has %j", async (written, expected) => {
    const call = { ...CALL, function: { name: "look", arguments: written } };
    const { messages } = await able({ messages: [{ role: "assistant", content: null, tool_calls: [call] }, ...HI] });
    expect(messages[0]!.tool_calls![0]!.function.arguments).toBe(expected);
  });

  test("a call may have no id, and its answer no text", async () => {
    const { id: _, ...call } = CALL;
    const { messages } = await able({
      messages: [{ role: "assistant", content: null, tool_calls: [call] }, { role: "tool", content: null }, ...HI],
    });
    expect(messages.slice(0, 2)).toEqual([
      { role: "assistant", content: "", tool_calls: [{ ...CALL, id: "" }] },
      { role: "tool", content: "" },
    ]);
  });
});

describe("the scope of what a request may find read", () => {
  const [ONE, TWO, OPERATOR] = ["key-of-the-first-client", "key-of-the-second-client", "operator-key-of-the-tests"];
  const scopes = async (keys: string[], sent: (Record<string, string> | undefined)[]): Promise<string[]> => {
    const fake = fakeAdapter({ answer: ["x"] });
    const { chat } = makeApp({ adapter: fake.adapter, guards: { keys, operator_key: OPERATOR } });
    for (const headers of sent) expect((await chat({}, headers && { headers })).status).toBe(200);
    return fake.generations.map(({ request }) => request.cache_scope);
  };
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

  test("is one for each API key, however it is sent, and does not show the key", async () => {
    const found = await scopes([ONE, TWO], [bearer(ONE), { "x-api-key": ONE }, bearer(TWO), bearer(OPERATOR)]);
    expect(found[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(found).toEqual([found[0]!, found[0]!, found[2]!, "operator"]);
    expect(new Set(found).size).toBe(3);
  });

  test("is that of the right key, whatever stands beside it", async () => {
    const wrong = "a-key-that-nobody-gave-out";
    const [right, ...found] = await scopes(
      [ONE, TWO],
      [
        bearer(ONE),
        { authorization: `Bearer ${wrong}`, "x-api-key": ONE },
        { authorization: `Bearer ${wrong}`, "x-api-key": "other", "api-key": ONE },
        { ...bearer(ONE), "x-api-key": wrong, "api-key": wrong },
        { authorization: `Basic ${wrong}`, "api-key": ONE },
        { authorization: `Bearer ${wrong}`, "x-api-key": OPERATOR },
      ],
    );
    expect(found).toEqual([right!, right!, right!, right!, "operator"]);
  });

  test("is one for all clients of a server without keys, whatever they send, and another one for its owner's commands", async () => {
    expect(await scopes([], [undefined, bearer(ONE), bearer(OPERATOR)])).toEqual(["", "", "operator"]);
  });
});
