// POST /v1/chat/completions: the two folds of one stream of events, errors, and clients that leave.
import { describe, expect, test } from "bun:test";
import { AdapterError, type ChatEvent } from "../../adapters/adapter.ts";
import { contextExceeded } from "../../adapters/shared/context-exceeded.ts";
import { errorOf, makeApp, makeModel, NOW } from "../support/app.ts";
import { fakeAdapter, USAGE } from "../support/fake-adapter.ts";
import { frameReader, framesOf } from "../support/frames.ts";

const HEAD = { id: "chatcmpl-1", created: NOW, model: "tiny", system_fingerprint: "ingle-1.2.3" };
const WIRE_USAGE = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9, prompt_tokens_details: { cached_tokens: 3 } };
const CRASH = new AdapterError("engine_crashed", "The engine ended with signal SIGKILL.");

describe("the JSON answer", () => {
  test("is OpenAI's chat.completion object", async () => {
    const { chat } = makeApp({ adapter: fakeAdapter({ answer: ["Good", " day"] }).adapter });
    const res = await chat({ model: "tiny" });
    expect(res.status).toBe(200);
    expect(res.headers.get("content-type")).toStartWith("application/json");
    expect(await res.json()).toEqual({
      ...HEAD,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Good day", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: WIRE_USAGE,
    });
  });

  test("has finish_reason length, and an empty content where nothing was said", async () => {
    const fake = fakeAdapter();
    const { chat } = makeApp({ adapter: fake.adapter });
    const asked = chat();
    (await fake.generation(0)).finish("length");
    const { choices } = (await (await asked).json()) as any;
    expect(choices[0]).toMatchObject({ message: { content: "" }, finish_reason: "length" });
  });

  test("does not show the progress of the prompt", async () => {
    const fake = fakeAdapter();
    const asked = makeApp({ adapter: fake.adapter }).chat();
    const generation = await fake.generation(0);
    generation.put({ type: "prompt", read: 512, total: 600 });
    generation.say("x");
    generation.finish();
    expect(((await (await asked).json()) as any).choices[0].message.content).toBe("x");
  });

  test("has an id of its own", async () => {
    const { chat } = makeApp();
    const ids = [await chat(), await chat()].map(async (res) => ((await res.json()) as { id: string }).id);
    expect(await Promise.all(ids)).toEqual(["chatcmpl-1", "chatcmpl-2"]);
  });
});

describe("the streamed answer", () => {
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...HEAD,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  });

  test("is a role, the texts, the finish, and [DONE], all under one id", async () => {
    const { chat } = makeApp({ adapter: fakeAdapter({ answer: ["Good", " day"] }).adapter });
    const res = await chat({ stream: true });
    expect(res.status).toBe(200);
    expect(res.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(await framesOf(res)).toEqual({
      data: [
        chunk({ role: "assistant", content: "" }),
        chunk({ content: "Good" }),
        chunk({ content: " day" }),
        chunk({}, "stop"),
      ],
      done: true,
      comments: [],
    });
  });

  test("include_usage adds one chunk without choices, and null everywhere before", async () => {
    const { chat } = makeApp({ adapter: fakeAdapter({ answer: ["x"] }).adapter });
    const { data } = await framesOf(await chat({ stream: true, stream_options: { include_usage: true } }));
    expect(data.at(-1)).toEqual({ ...HEAD, object: "chat.completion.chunk", choices: [], usage: WIRE_USAGE });
    expect(data.slice(0, -1).map(({ usage }) => usage)).toEqual([null, null, null]);
    const plain = await framesOf(await chat({ stream: true, stream_options: { include_usage: false } }));
    expect(plain.data.filter((each) => "usage" in each)).toEqual([]);
  });

  test("begins with status 200 and the role as soon as the prompt is being read", async () => {
    const fake = fakeAdapter();
    const asked = makeApp({ adapter: fake.adapter }).chat({ stream: true });
    (await fake.generation(0)).put({ type: "prompt", read: 512, total: 9000 });
    const reader = frameReader(await asked);
    expect(await reader.next()).toEqual(chunk({ role: "assistant", content: "" }));
    await reader.cancel();
  });

  test("sends each text before the next one is there", async () => {
    const fake = fakeAdapter();
    const asked = makeApp({ adapter: fake.adapter }).chat({ stream: true });
    const generation = await fake.generation(0);
    generation.say("one");
    const reader = frameReader(await asked);
    await reader.next();
    expect(await reader.next()).toEqual(chunk({ content: "one" }));
    generation.finish();
    expect([await reader.next(), await reader.next(), await reader.next()]).toEqual([chunk({}, "stop"), "[DONE]", undefined]);
  });
});

describe("stream or not", () => {
  const EVENTS = "text/event-stream";
  test.each([
    [{}, "application/json", false, false],
    [{ stream: null }, "application/json", false, false],
    [{ stream: true }, "application/json", false, true],
    [{}, EVENTS, false, true],
    [{}, `${EVENTS}, application/json`, false, false],
    [{}, `application/json, ${EVENTS}`, false, false],
    [{}, `${EVENTS};q=0`, false, false],
    [{}, `${EVENTS};q=0.000`, false, false],
    [{}, `${EVENTS};q=0, */*`, false, false],
    [{}, `${EVENTS}; charset=utf-8; q=0.5`, false, true],
    [{}, EVENTS.toUpperCase(), false, true],
    [{}, "text/*", false, true],
    [{}, `${EVENTS}, */*;q=0.1`, false, false],
    [{}, `${EVENTS}, application/*`, false, false],
    [{}, `${EVENTS}, application/json;q=0`, false, true],
    [{}, "application/json;q=0, */*", false, true],
    [{}, `application/x-ndjson, not-${EVENTS}`, false, false],
    [{}, "", false, false],
    [{ stream: true }, "application/json", true, true],
    [{ stream: false }, EVENTS, false, false],
    [{ stream: false }, EVENTS, true, false],
    [{}, "*/*", true, true],
    [{ stream: null }, "*/*", true, true],
  ])("%j with Accept %s, by default %p: %p", async (fields, accept, stream_default, streams) => {
    const res = await makeApp({ stream_default }).chat(fields, { headers: { accept } });
    expect(res.status).toBe(200);
    expect(res.headers.get("content-type")).toStartWith(streams ? EVENTS : "application/json");
    await res.text();
  });

  test("stream_options without a stream are refused, and take no slot", async () => {
    const { chat } = makeApp({ pool: { slots: 1, queue: 0 } });
    expect(await errorOf(await chat({ stream_options: { include_usage: true } }))).toMatchObject({
      status: 400,
      param: "stream_options",
      code: "invalid_value",
    });
    for (const nothing of [{}, null, { include_usage: false }, { include_usage: null }]) {
      expect((await chat({ stream_options: nothing })).status).toBe(200);
    }
  });
});

describe("an error", () => {
  const failing = (reason: unknown, texts: string[] = []) => {
    const fake = fakeAdapter();
    const made = makeApp({ adapter: fake.adapter });
    const ask = async (fields: object) => {
      const n = fake.generations.length;
      const asked = made.chat(fields);
      const generation = await fake.generation(n);
      generation.say(...texts);
      if (texts.length === 0) generation.fail(reason);
      return { res: await asked, fail: () => generation.fail(reason) };
    };
    return { ...made, ask };
  };

  const BEFORE: [string, unknown, object][] = [
    [
      "too long a prompt",
      contextExceeded({ n_prompt_tokens: 9, n_ctx: 8 }),
      {
        status: 400,
        type: "invalid_request_error",
        param: "messages",
        code: "context_length_exceeded",
        message:
          "The prompt is too long: it has 9 tokens, and this model's maximum context length is 8 tokens, the answer included. Shorten it.",
        n_prompt_tokens: 9,
        n_ctx: 8,
      },
    ],
    [
      "a refusal that names its field",
      new AdapterError("request_refused", "No such token.", { param: "logit_bias" }),
      { status: 400, type: "invalid_request_error", param: "logit_bias", code: "invalid_value", message: "No such token." },
    ],
    [
      "a refusal that names none",
      new AdapterError("request_refused", "No."),
      { status: 400, type: "invalid_request_error", param: null, code: "invalid_value" },
    ],
    ["a crash", CRASH, { status: 502, type: "server_error", param: null, code: "engine_crashed", message: CRASH.message }],
    [
      "a hang",
      new AdapterError("engine_timeout", "No sign of life."),
      { status: 504, type: "server_error", param: null, code: "engine_timeout" },
    ],
    [
      "a bug of ours",
      new TypeError("x is undefined at /home/me/secret.ts"),
      { status: 500, type: "server_error", param: null, code: "server_error", message: expect.not.stringContaining("secret") },
    ],
  ];
  for (const stream of [false, true]) {
    test.each(BEFORE)(`%s before the first event is a status, stream ${stream}`, async (_name, reason, expected) => {
      const { ask, log } = failing(reason);
      const { res } = await ask({ stream });
      expect(res.headers.get("content-type")).toStartWith("application/json");
      expect(res.headers.get("x-request-id")).toBe("req_1");
      expect(await errorOf(res)).toMatchObject(expected);
      const told = log.filter(({ level, request_id }) => level === "error" && request_id === "req_1");
      expect(told).toHaveLength(res.status < 500 ? 0 : 1);
    });
  }

  test("after the first event is one frame and the end, without [DONE]", async () => {
    const { ask, log } = failing(CRASH, ["one"]);
    const { res, fail } = await ask({ stream: true });
    expect(res.status).toBe(200);
    const reader = frameReader(res);
    await reader.next();
    await reader.next();
    fail();
    expect(await reader.next()).toEqual({
      error: { message: CRASH.message, type: "server_error", param: null, code: "engine_crashed" },
    });
    expect(await reader.next()).toBeUndefined();
    expect(log).toContainEqual(expect.objectContaining({ level: "error", request_id: "req_1", message: CRASH.message }));
  });

  test("that is a bug shows the client of a stream nothing of its insides", async () => {
    const { ask } = failing(new Error("at /home/me/secret.ts"), ["one"]);
    const { res, fail } = await ask({ stream: true });
    fail();
    const text = await res.text();
    expect(text).toContain(`"code":"server_error"`);
    expect(text).not.toContain("secret");
  });

  test("frees the slot", async () => {
    const fake = fakeAdapter();
    const { chat } = makeApp({ adapter: fake.adapter, pool: { slots: 1, queue: 0 } });
    const asked = chat();
    (await fake.generation(0)).fail(CRASH);
    expect((await asked).status).toBe(502);
    const again = chat();
    (await fake.generation(1)).finish();
    expect((await again).status).toBe(200);
  });
});

describe("a client that leaves", () => {
  /** One slot that is taken by a first client, and a second client in the queue. */
  const busy = async (stream: boolean) => {
    const fake = fakeAdapter();
    const made = makeApp({ adapter: fake.adapter, models: [makeModel("tiny")], pool: { slots: 1, queue: 1 } });
    const client = new AbortController();
    const asked = made.chat({ stream }, { signal: client.signal });
    const generation = await fake.generation(0);
    const second = made.chat();
    return { ...made, fake, client, asked, generation, second };
  };
  const served = async ({ fake, second }: Awaited<ReturnType<typeof busy>>) => {
    (await fake.generation(1)).finish();
    expect((await second).status).toBe(200);
  };

  for (const stream of [false, true]) {
    test(`before the first event, with stream ${stream}, ends the generation, and the queue moves on`, async () => {
      const state = await busy(stream);
      state.client.abort();
      await state.generation.over;
      expect(state.generation.signal.aborted).toBe(true);
      await served(state);
      await state.asked;
      expect(state.log.filter(({ level }) => level === "error")).toEqual([]);
    });
  }

  test.each(["its body is cancelled", "its request aborts"])(
    "amid the answer, so that %s, ends the generation, and the queue moves on",
    async (how) => {
      const state = await busy(true);
      state.generation.say("one");
      const reader = frameReader(await state.asked);
      await reader.next();
      await reader.next();
      if (how.startsWith("its body")) await reader.cancel();
      else state.client.abort();
      await state.generation.over;
      expect(state.generation.signal.aborted).toBe(true);
      await served(state);
      expect(state.log.filter(({ level }) => level === "error")).toEqual([]);
    },
  );

  test("while it waits in the queue never reaches the engine", async () => {
    const fake = fakeAdapter();
    const { chat } = makeApp({ adapter: fake.adapter, pool: { slots: 1, queue: 1 } });
    const client = new AbortController();
    const first = chat({ seed: 1 });
    const generation = await fake.generation(0);
    const left = chat({ seed: 2, stream: true }, { signal: client.signal });
    client.abort();
    await left;
    const third = chat({ seed: 3 });
    generation.finish();
    (await fake.generation(1)).finish();
    await Promise.all([first, third]);
    expect(fake.generations.map(({ request }) => request.seed)).toEqual([1, 3]);
  });

  test("after the end aborts nothing", async () => {
    const fake = fakeAdapter({ answer: ["x"] });
    const client = new AbortController();
    const res = await makeApp({ adapter: fake.adapter }).chat({ stream: true }, { signal: client.signal });
    const reader = frameReader(res);
    while ((await reader.next()) !== undefined);
    expect((await fake.generation(0)).signal.aborted).toBe(false);
  });
});

describe("an answer that is more than text", () => {
  const LOGPROB = { token: "Hm", logprob: -0.5, bytes: [72, 109], top_logprobs: [{ token: "Ah", logprob: -1, bytes: null }] };
  const EVENTS: ChatEvent[] = [
    { type: "reasoning", text: "Let me " },
    { type: "reasoning", text: "think." },
    { type: "text", text: "Hm", logprobs: [LOGPROB] },
    { type: "tool_call", index: 0, id: "a1", name: "weather", arguments: "" },
    { type: "tool_call", index: 0, arguments: '{"city":' },
    { type: "tool_call", index: 0, arguments: '"Paris"}' },
    { type: "tool_call", index: 1, name: "time", arguments: "{}" },
    { type: "finish", reason: "tool_calls", usage: USAGE },
  ];
  const answered = async (events: ChatEvent[], fields: object) => {
    const fake = fakeAdapter();
    const asked = makeApp({ adapter: fake.adapter }).chat(fields);
    const generation = await fake.generation(0);
    for (const event of events) generation.put(event);
    return asked;
  };
  const CALLS = [
    { id: "a1", type: "function", function: { name: "weather", arguments: '{"city":"Paris"}' } },
    { id: "call_1", type: "function", function: { name: "time", arguments: "{}" } },
  ];

  test("is complete in the JSON answer", async () => {
    const { choices } = (await (await answered(EVENTS, {})).json()) as { choices: unknown[] };
    const message = { role: "assistant", content: "Hm", refusal: null, reasoning_content: "Let me think.", tool_calls: CALLS };
    const logprobs = { content: [LOGPROB], refusal: null };
    expect(choices).toEqual([{ index: 0, message, logprobs, finish_reason: "tool_calls" }]);
  });

  test.each([{ reasoning: { exclude: true } }, { include_reasoning: false }])(
    "has no thoughts where the client wants none, and they count: %j",
    async (fields) => {
      const usage = { ...USAGE, reasoning_tokens: 2 };
      const events: ChatEvent[] = [...EVENTS.slice(0, 3), { type: "finish", reason: "stop", usage }];
      const res = await answered(events, fields);
      const body = (await res.json()) as any;
      expect(body.choices[0].message).toEqual({ role: "assistant", content: "Hm", refusal: null });
      expect([body.usage.completion_tokens_details, res.headers.get("x-ingle-ignored")]).toEqual([{ reasoning_tokens: 2 }, null]);
      expect(await (await answered(events, { ...fields, stream: true })).text()).not.toContain("reasoning_content");
    },
  );

  test("has content null where there are only tool calls", async () => {
    const { choices } = (await (await answered(EVENTS.slice(3), {})).json()) as { choices: { message: object }[] };
    expect(choices[0]!.message).toEqual({ role: "assistant", content: null, refusal: null, tool_calls: CALLS });
  });

  test("comes in pieces that OpenAI's clients assemble", async () => {
    const text = await (await answered(EVENTS, { stream: true })).text();
    const chunks = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json!).choices[0]);
    expect(chunks.map(({ delta }) => delta)).toEqual([
      { role: "assistant", content: "" },
      { reasoning_content: "Let me " },
      { reasoning_content: "think." },
      { content: "Hm" },
      { tool_calls: [{ index: 0, id: "a1", type: "function", function: { name: "weather", arguments: "" } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Paris"}' } }] },
      { tool_calls: [{ index: 1, id: "call_1", type: "function", function: { name: "time", arguments: "{}" } }] },
      {},
    ]);
    expect(chunks[3].logprobs).toEqual({ content: [LOGPROB], refusal: null });
    expect(chunks.at(-1).finish_reason).toBe("tool_calls");
  });
});

describe("several choices", () => {
  const EVENTS: ChatEvent[] = [
    { type: "prompt", read: 7, total: 7 },
    { type: "text", choice: 1, text: "b" },
    { type: "text", choice: 0, text: "a" },
    { type: "reasoning", choice: 2, text: "hm" },
    { type: "tool_call", choice: 2, index: 0, id: "x", name: "f", arguments: "{}" },
    { type: "text", choice: 1, text: "b" },
    {
      ...{ type: "finish", reason: "stop", usage: USAGE },
      further: [
        { reason: "length", schema_failure: { pointer: "/a", keyword: "type" } },
        { reason: "tool_calls" },
        { reason: "stop", schema_failure: { pointer: "", keyword: "enum" } },
      ],
    },
  ];
  const BROKEN = { valid: false, pointer: "/a", keyword: "type", index: 1 };
  const answered = async (fields: object) => {
    const fake = fakeAdapter({ capabilities: ["choices"] });
    const app = makeApp({ adapter: fake.adapter });
    const sent = app.chat({ n: 4, ...fields });
    const generation = await fake.generation(0);
    expect(generation.request.choices).toEqual({ count: 4, at_once: 2 });
    for (const event of EVENTS) generation.put(event);
    return { res: await sent, log: app.log };
  };

  test("are each whole in the JSON answer, and the first that breaks its schema is named", async () => {
    const { res, log } = await answered({});
    const { choices, usage, x_ingle_schema } = (await res.json()) as any;
    const message = { role: "assistant", refusal: null };
    const calls = [{ id: "x", type: "function", function: { name: "f", arguments: "{}" } }];
    expect(choices).toEqual([
      { index: 0, message: { ...message, content: "a" }, logprobs: null, finish_reason: "stop" },
      { index: 1, message: { ...message, content: "bb" }, logprobs: null, finish_reason: "length" },
      {
        ...{ index: 2, logprobs: null, finish_reason: "tool_calls" },
        message: { ...message, content: null, reasoning_content: "hm", tool_calls: calls },
      },
      { index: 3, message: { ...message, content: "" }, logprobs: null, finish_reason: "stop" },
    ]);
    expect([usage, x_ingle_schema]).toEqual([WIRE_USAGE, BROKEN]);
    expect(log).toContainEqual(expect.objectContaining({ level: "warn", model: "tiny", ...BROKEN }));
  });

  test.each([true, false])("come as chunks with their index, include_usage %p", async (include_usage) => {
    const { data } = await framesOf((await answered({ stream: true, stream_options: { include_usage } })).res);
    const role = { role: "assistant", content: "" };
    const call = { index: 0, id: "x", type: "function", function: { name: "f", arguments: "{}" } };
    const chunks = data.flatMap(({ choices }) => choices);
    expect(chunks.map(({ index, delta, finish_reason }) => [index, delta, finish_reason])).toEqual([
      [0, role, null],
      [1, role, null],
      [1, { content: "b" }, null],
      [0, { content: "a" }, null],
      [2, role, null],
      [2, { reasoning_content: "hm" }, null],
      [2, { tool_calls: [call] }, null],
      [1, { content: "b" }, null],
      [0, {}, "stop"],
      [1, {}, "length"],
      [2, {}, "tool_calls"],
      [3, role, null],
      [3, {}, "stop"],
    ]);
    expect(data.map(({ x_ingle_schema }) => x_ingle_schema).filter((each) => each !== undefined)).toEqual([BROKEN]);
    expect(data.at(-1).x_ingle_schema).toEqual(BROKEN);
  });

  test("that are one have no index beside a broken schema", async () => {
    const fake = fakeAdapter();
    const sent = makeApp({ adapter: fake.adapter }).chat({ stream: true });
    const schema_failure = { pointer: "/a", keyword: "type" };
    (await fake.generation(0)).put({ type: "finish", reason: "length", usage: USAGE, schema_failure });
    const { data } = await framesOf(await sent);
    expect(data.at(-1)).toMatchObject({ choices: [{ finish_reason: "length" }] });
    expect(data.at(-1).x_ingle_schema).toEqual({ valid: false, ...schema_failure });
  });
});
