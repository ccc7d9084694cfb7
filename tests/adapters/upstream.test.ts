// Models that other servers run: which server gets a request, what is sent there, and what the client gets when anything goes wrong.
import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import { AdapterError, type ChatEvent, type ChatRequest, type Engine } from "../../adapters/adapter.ts";
import { upstream, type UpstreamOptions } from "../../adapters/upstream/adapter.ts";
import type { Upstream } from "../../models/manifest.ts";
import { chunk, startFakeUpstream, type Behaviour, type FakeUpstream } from "../support/fake-upstream.ts";
import { ask } from "../support/models.ts";
import { eventually } from "../support/server.ts";

const LIMITS = { connect_ms: 300, first_ms: 300, amid_ms: 200, backoffs: [60, 120] };
const never = (): AbortSignal => new AbortController().signal;
const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

async function server(behaviour?: Behaviour): Promise<FakeUpstream> {
  const fake = await startFakeUpstream();
  if (behaviour !== undefined) fake.behave(behaviour);
  ended.push(() => fake.stop().catch(() => {}));
  return fake;
}

interface Options extends Partial<Omit<UpstreamOptions, "limits">>, Partial<Omit<Upstream, "urls">> {
  limits?: UpstreamOptions["limits"];
}

function load(servers: { url: string }[], { env = {}, log, limits, ...more }: Options = {}): Promise<Engine> {
  const adapter = upstream({ env, ...(log && { log }), limits: { ...LIMITS, ...limits } });
  const model = { id: "m", path: "", settings: {}, upstream: { urls: servers.map(({ url }) => url), ...more } };
  return adapter.load(model, { slots: 1, context: 512 }, never()).then((engine) => {
    ended.push(() => engine.close());
    return engine;
  });
}

async function said(engine: Engine, request: ChatRequest = ask("hi"), signal = never()): Promise<string> {
  let text = "";
  for await (const event of engine.chat(request, signal)) if (event.type === "text") text += event.text;
  return text;
}

async function failure(promise: Promise<unknown>): Promise<AdapterError> {
  const error = await promise.catch((error: unknown) => error);
  if (error instanceof AdapterError) return error;
  throw new Error(`It is not an AdapterError: ${String(error)}`);
}

async function quiet(...servers: FakeUpstream[]): Promise<void> {
  await eventually("no connection is left", () => servers.every((each) => each.sockets() === 0), 5_000);
}

describe("what is sent", () => {
  test("is the request with the model's name there, and nothing of ours or of a client beside it", async () => {
    const there = await server();
    const engine = await load([there], { model: "org/big" });
    const logit_bias = { "5": -100 };
    const more = { grammar: 'root ::= "a"', samplers: { mirostat: 2 }, logprobs: { top: 3 }, logit_bias, stop: ["x"] };
    await said(engine, ask("hi", { top_k: 4, min_p: 0.1, repeat_penalty: 1.2, ...more }));
    const { body, headers } = there.chats[0]!;
    expect(body).toEqual({
      ...{ model: "org/big", messages: [{ role: "user", content: "hi" }], max_tokens: 16, temperature: 0, top_p: 1, seed: 1 },
      ...{ frequency_penalty: 0, presence_penalty: 0, stop: ["x"], stream: true, stream_options: { include_usage: true } },
      ...{ top_k: 4, min_p: 0.1, repeat_penalty: 1.2, repetition_penalty: 1.2, mirostat: 2, grammar: 'root ::= "a"' },
      ...{ logprobs: true, top_logprobs: 3, logit_bias },
    });
    const usual = ["accept", "accept-encoding", "connection", "content-length", "content-type", "host"];
    expect(Object.keys(headers).toSorted()).toEqual(usual);
  });

  test("leaves to the other server what nobody asked for", async () => {
    const there = await server();
    const unasked = ["max_tokens", "temperature", "top_p", "top_k", "min_p", "repeat_penalty", "seed"] as const;
    await said(await load([there]), ask("hi", { unasked }));
    expect(Object.keys(there.chats[0]!.body).toSorted()).toEqual(
      ["frequency_penalty", "messages", "model", "presence_penalty", "stream", "stream_options"].toSorted(),
    );
  });

  test("says whether the answer goes on with the last message where the client said so", async () => {
    const said_there = async (more: Partial<ChatRequest>) => {
      const there = await server();
      await said(await load([there]), ask([{ role: "assistant", content: "hi" }], more));
      const { continue_final_message, add_generation_prompt } = there.chats[0]!.body;
      return [continue_final_message, add_generation_prompt];
    };
    expect(await said_there({})).toEqual([undefined, undefined]);
    expect(await said_there({ continue_final_message: true })).toEqual([true, false]);
    expect(await said_there({ continue_final_message: false })).toEqual([false, undefined]);
  });

  test("has the key of the variable, and the error for a missing or impossible one names the variable", async () => {
    const there = await server();
    const key_env = "INGLE_UPSTREAM_A";
    await said(await load([there], { key_env, env: { INGLE_UPSTREAM_A: " secret-1\n", OTHER: "x" } }));
    expect(there.chats[0]!.headers.authorization).toBe("Bearer secret-1");
    for (const env of [{}, { INGLE_UPSTREAM_A: "" }, { INGLE_UPSTREAM_A: "se\ncret" }]) {
      const error = await failure(load([there], { key_env, env }));
      expect(error.code).toBe("engine_unavailable");
      expect(error.message).toContain("INGLE_UPSTREAM_A");
      expect(error.message).not.toMatch(/se\s*cret/);
    }
  });
});

describe("what comes back", () => {
  test("is text, thoughts, calls of tools, their usage and one finish", async () => {
    const there = await server();
    const call = (more: object, named: object = {}) => chunk({ tool_calls: [{ index: 0, ...named, function: more }] });
    const body = [
      ...[chunk({ role: "assistant", content: null }), chunk({ reasoning: "hm" }), chunk({ content: "a" })],
      ...[
        call({ name: "f", arguments: "{" }, { id: "c1" }),
        call({ arguments: "}" }),
        chunk({}, "tool_calls"),
        "data: [DONE]\n\n",
      ],
    ].join("");
    there.behave({ kind: "says", type: "text/event-stream; charset=utf-8", body });
    const events: ChatEvent[] = [];
    for await (const event of (await load([there])).chat(ask("hi"), never())) events.push(event);
    expect(events).toEqual([
      { type: "reasoning", text: "hm" },
      { type: "text", text: "a" },
      { type: "tool_call", index: 0, id: "c1", name: "f", arguments: "{" },
      { type: "tool_call", index: 0, arguments: "}" },
      { type: "finish", reason: "tool_calls", usage: { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 } },
    ]);
  });

  test("may be an answer in one piece, whatever was asked for", async () => {
    const there = await server();
    const tool_calls = [{ id: "c1", type: "function", function: { name: "f", arguments: "{}" } }];
    const choices = [{ index: 0, message: { role: "assistant", content: "hey", tool_calls }, finish_reason: "tool_calls" }];
    const usage = { prompt_tokens: 3, completion_tokens: 1 };
    const wire_usage = { ...usage, completion_tokens_details: { reasoning_tokens: 1 } };
    const body = JSON.stringify({ object: "chat.completion", choices, usage: wire_usage });
    there.behave({ kind: "says", type: "application/json", body });
    const events: ChatEvent[] = [];
    for await (const event of (await load([there])).chat(ask("hi"), never())) events.push(event);
    expect(events).toEqual([
      { type: "text", text: "hey" },
      { type: "tool_call", index: 0, id: "c1", name: "f", arguments: "{}" },
      { type: "finish", reason: "tool_calls", usage: { ...usage, cached_tokens: 0, reasoning_tokens: 1 } },
    ]);
  });
});

describe("several choices", () => {
  const piece = (index: number, delta: object, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index, delta, finish_reason }] })}\n\n`;
  const USAGE = { prompt_tokens: 7, completion_tokens: 5, cached_tokens: 0 };
  const END = `data: ${JSON.stringify({ choices: [], usage: USAGE })}\n\ndata: [DONE]\n\n`;
  const ASKED = ask("hi", { choices: { count: 3, at_once: 1 } });
  const whole = (index: number, content: string, finish_reason: string) => ({ index, message: { content }, finish_reason });
  const WHOLE = { choices: [whole(0, "a", "stop"), whole(1, "bb", "length"), whole(2, "", "stop")], usage: USAGE };
  const STREAM = [
    ...[piece(0, { role: "assistant" }), piece(1, { content: "b" }), piece(0, { content: "a" }), piece(1, { content: "b" })],
    ...[piece(1, {}, "length"), piece(3, { content: "more" }), piece(2, {}, "stop"), piece(0, {}, "stop"), END],
  ].join("");

  test.each([
    ["text/event-stream", STREAM],
    ["application/json", JSON.stringify(WHOLE)],
  ])("are asked for at once, and told apart, as %s", async (type, body) => {
    const there = await server({ kind: "says", type, body });
    const events: ChatEvent[] = [];
    for await (const event of (await load([there])).chat(ASKED, never())) events.push(event);
    expect(there.chats[0]!.body).toMatchObject({ n: 3 });
    const textOf = (index: number) => events.map((event) => (event.type === "text" && event.choice === index ? event.text : ""));
    expect([0, 1, 2].map((index) => textOf(index).join(""))).toEqual(["a", "bb", ""]);
    const further = [{ reason: "length" }, { reason: "stop" }];
    expect(events.at(-1)).toEqual({ type: "finish", reason: "stop", usage: USAGE, further } as ChatEvent);
    expect(events.every((event) => event.type === "finish" || event.choice !== undefined)).toBe(true);
  });

  test("of a server that does not know n are refused by name", async () => {
    const error = await failure(said(await load([await server()]), ASKED));
    expect(error).toMatchObject({ code: "request_unsupported", param: "n" });
    expect(error.public_message).toContain('gave 1 of 3 answers. Leave out "n"');
  });

  test.each([
    ["one that is missing before another", [piece(0, {}, "stop"), piece(2, {}, "stop"), END]],
    ["one that has no end", [piece(0, {}, "stop"), piece(1, { content: "b" }), END]],
  ])("with %s are no proper answer", async (_, pieces) => {
    const there = await server({ kind: "says", type: "text/event-stream", body: pieces.join("") });
    expect(await failure(said(await load([there]), ASKED))).toMatchObject({ code: "upstream_error" });
  });
});

describe("more tokens than the context has room for", () => {
  const TOO_MANY =
    "'max_tokens' or 'max_completion_tokens' is too large: 16. This model's maximum context length is 64 tokens and your request has 60 input tokens (16 > 64 - 60).";
  const refusal = (message: string): Behaviour => ({
    kind: "status",
    status: 400,
    body: JSON.stringify({ error: { message, code: 400 } }),
  });

  test("are bounded by it, as with every other engine", async () => {
    const there = await server();
    there.behaveInTurn([refusal(TOO_MANY), { kind: "answers" }]);
    expect(await said(await load([there]))).toBe("hello");
    expect(there.chats.map(({ body }) => body.max_tokens)).toEqual([16, 4]);
  });

  test("are tried once", async () => {
    const there = await server(refusal(TOO_MANY.replace("60 input", "55 input")));
    const error = await failure(said(await load([there])));
    expect([error.code, there.chats.map(({ body }) => body.max_tokens)]).toEqual(["context_length_exceeded", [16, 9]]);
  });

  test.each([
    ["the prompt is too long by itself", TOO_MANY.replace("60 input", "64 input")],
    ["it is not known how long the prompt is", "This model's maximum context length is 64 tokens."],
    ["the room is no less than what was asked for", TOO_MANY.replace("60 input", "48 input")],
  ])("are not tried where %s", async (_, message) => {
    const there = await server(refusal(message));
    expect((await failure(said(await load([there])))).code).toBe("context_length_exceeded");
    expect(there.chats).toHaveLength(1);
  });
});

describe("a load", () => {
  test.each<[string, object, number]>([
    ["vLLM", { id: "m", max_model_len: 8192 }, 8192],
    ["ingle", { id: "m", context_length: 131_072, loaded_context_length: 4096 }, 4096],
    ["ingle that has not loaded it", { id: "m", context_length: 2048, loaded_context_length: null }, 2048],
    ["OpenRouter", { id: "m", context_length: 4096 }, 4096],
    ["llama-server", { id: "/x.gguf", aliases: ["m"], meta: { n_ctx: 2048, n_ctx_train: 9999 } }, 2048],
    ["one that does not say", { id: "m", context_length: null }, 512],
  ])("learns the context of %s", async (_, model, context) => {
    const there = await server();
    there.lists(200, { object: "list", data: [{ id: "other", max_model_len: 1 }, model] });
    const engine = await load([there], { slots: 3 });
    expect([engine.context_length, engine.slots]).toEqual([context, 3]);
  });

  test("needs one server that answers, and the smallest context counts", async () => {
    const [one, two, dead] = [await server(), await server(), await server()];
    await dead.stop();
    one.lists(200, { data: [{ id: "m", max_model_len: 100 }] });
    two.lists(200, { data: [{ id: "m", max_model_len: 90 }] });
    const log: string[] = [];
    const engine = await load([dead, one, two], { log: (line) => log.push(line) });
    expect(engine.slots).toBe(48);
    await eventually("both were heard", () => engine.context_length === 90);
    expect(await said(engine)).toBe("hello");
    expect(log[0]).toMatch(
      new RegExp(`^model "m": ${dead.host} cannot be reached \\(ECONNREFUSED\\)\\. It is set aside for 0\\.06 s`),
    );
  });

  test.each<[string, number, unknown, string, RegExp]>([
    [
      "a wrong key",
      401,
      { error: { message: "Incorrect key top-secret" } },
      "engine_unavailable",
      /answers 401.* key of INGLE_UPSTREAM_A/,
    ],
    ["a page", 200, "<html>", "upstream_error", /is not a list of models/],
    ["another JSON", 200, { hello: 1 }, "upstream_error", /is not a list of models/],
    ["no such path", 404, "Not Found", "upstream_error", /Not Found/],
    ["a redirect", 302, "", "upstream_error", /redirects/],
    ["a failure", 500, { error: { message: "broken" } }, "upstream_error", /broken/],
  ])("fails for %s in a sentence with the host and without the key", async (_, status, body, code, words) => {
    const there = await server();
    there.lists(status, body);
    const options = { key_env: "INGLE_UPSTREAM_A", env: { INGLE_UPSTREAM_A: "top-secret" } };
    const error = await failure(load([there], options));
    expect([error.code, error.retry_after]).toEqual([code, 5] as never);
    expect(error.message).toMatch(words);
    expect(error.message).toContain(there.host);
    expect(error.message).not.toContain("top-secret");
    await quiet(there);
  });

  test("is given up with its signal", async () => {
    const there = await hole();
    const stop = new AbortController();
    const model = { id: "m", path: "", settings: {}, upstream: { urls: [there.url] } };
    const log: string[] = [];
    const loading = upstream({ env: {}, log: (line) => log.push(line) }).load(model, { slots: 1, context: 512 }, stop.signal);
    const reason = new Error("enough");
    setTimeout(() => stop.abort(reason), 50);
    expect(await loading.catch((error: unknown) => error)).toBe(reason);
    expect(log).toEqual([]);
  });
});

/** Takes connections and never answers: also not whether it is there. */
async function hole(): Promise<{ url: string }> {
  const sockets = new Set<{ destroy(): void }>();
  const listener = createServer((socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
  ended.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((done) => listener.close(done));
  });
  return { url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/v1` };
}

/** What one server alone does, and the error that the client gets. */
/** In the words of other servers, and the counts that are to be read from them. */
const COUNTED = /^The prompt is too long: it has 5000 tokens, and this model's maximum context length is 4096 tokens, /;
const UNCOUNTED = /^The prompt is too long, and this model's maximum context length is 4096 tokens, /;
const TOO_LONG: [who: string, message: string, counts: RegExp][] = [
  [
    "vLLM, of a chat",
    "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens.",
    COUNTED,
  ],
  [
    "vLLM, of both together",
    "This model's maximum context length is 4096 tokens. However, you requested 100 output tokens and your prompt contains at least 5000 input tokens, for a total of at least 5100 tokens.",
    COUNTED,
  ],
  ["SGLang", "The input (5000 tokens) is longer than the model's context length (4096 tokens).", COUNTED],
  [
    "SGLang, of both together",
    "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 5100 tokens: 5000 tokens from the input messages and 100 tokens for the completion.",
    COUNTED,
  ],
  [
    "TGI",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100 `max_new_tokens`",
    COUNTED,
  ],
  [
    "LM Studio",
    "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
    COUNTED,
  ],
  [
    "OpenRouter",
    "This endpoint's maximum context length is 4096 tokens. However, you requested about 5100 tokens (5000 of text input, 100 in the output).",
    COUNTED,
  ],
  [
    "DeepSeek",
    "This model's maximum context length is 4096 tokens. However, you requested 5100 tokens (5000 in the messages, 100 in the completion).",
    COUNTED,
  ],
  ["Mistral", "Prompt contains 5000 tokens and 0 draft tokens, too large for model with 4096 maximum context length", COUNTED],
  [
    "OpenAI",
    "Input tokens exceed the configured limit of 4,096 tokens. Your messages resulted in 5,000 tokens. Please reduce the length of the messages.",
    COUNTED,
  ],
  ["Anthropic", "prompt is too long: 5000 tokens > 4096 maximum", COUNTED],
  ["one that counts nothing", "This model's maximum context length is 4096 tokens.", UNCOUNTED],
];

const FAULTS: [name: string, behaviour: Behaviour, code: string, words: RegExp][] = [
  ["hangs", { kind: "hangs" }, "upstream_error", /gave no sign of life for 0\.3 s/],
  [
    "hangs amid its answer",
    { kind: "hangs_amid" },
    "upstream_error",
    /stopped amid its answer and gave no sign of life for 0\.2 s/,
  ],
  ["breaks the connection", { kind: "resets" }, "upstream_error", /broke off/],
  ["breaks it amid its answer", { kind: "cut" }, "upstream_error", /broke off|ended before its end/],
  ["ends its answer too early", { kind: "ends_early" }, "upstream_error", /ended before its end/],
  ["has no room", { kind: "status", status: 429, body: '{"error":{"message":"full"}}' }, "upstream_busy", /says: full/],
  ["fails", { kind: "status", status: 500, body: '{"error":"boom"}' }, "upstream_error", /says: boom \(status 500\)/],
  ["has a proxy in front", { kind: "status", status: 502, body: "<h1>Bad</h1>" }, "upstream_error", /<h1>Bad/],
  [
    "still loads",
    { kind: "status", status: 503, body: '{"error":{"message":"Loading model"}}' },
    "engine_unavailable",
    /Loading/,
  ],
  ["refuses the key", { kind: "status", status: 403, body: "{}" }, "engine_unavailable", /answers 403: the request has no key/],
  ["redirects", { kind: "status", status: 307, headers: { location: "/x" } }, "upstream_error", /redirects/],
  [
    "knows no such model",
    { kind: "status", status: 404, body: '{"error":{"message":"no m"}}' },
    "upstream_error",
    /model "m".*no m/,
  ],
  ["takes no such address", { kind: "status", status: 405 }, "upstream_error", /status 405/],
  [
    "refuses the request",
    { kind: "status", status: 400, body: '{"error":{"message":"bad stop"}}' },
    "request_refused",
    /bad stop/,
  ],
  [
    "refuses it as vLLM does",
    { kind: "status", status: 422, body: '{"object":"error","message":"bad n"}' },
    "request_refused",
    /bad n/,
  ],
  [
    "cannot see",
    { kind: "status", status: 500, body: '{"error":{"message":"image input is not supported"}}' },
    "request_refused",
    /image/,
  ],
  [
    "makes vectors in one step (llama-server)",
    {
      kind: "status",
      status: 500,
      body: '{"error":{"message":"input (99 tokens) is too large to process. increase the physical batch size (current batch size: 64)"}}',
    },
    "context_length_exceeded",
    /^The prompt is too long: it has 99 tokens, and this model's maximum context length is 64 tokens, /,
  ],
  [
    "has too small a context (llama-server)",
    {
      kind: "status",
      status: 400,
      body: '{"error":{"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":99,"n_ctx":64}}',
    },
    "context_length_exceeded",
    /^The prompt is too long: it has 99 tokens, and this model's maximum context length is 64 tokens, the answer included\. Shorten it\.$/,
  ],
  [
    "has too small a context (vLLM)",
    {
      kind: "status",
      status: 400,
      body: '{"error":{"message":"This model\'s maximum context length is 64 tokens.","code":400}}',
    },
    "context_length_exceeded",
    /^The prompt is too long, and this model's maximum context length is 64 tokens, /,
  ],
  [
    "has too small a context, and counted the messages (OpenAI)",
    {
      kind: "status",
      status: 400,
      body: '{"error":{"message":"This model\'s maximum context length is 64 tokens. However, your messages resulted in 99 tokens.","code":"context_length_exceeded"}}',
    },
    "context_length_exceeded",
    /^The prompt is too long: it has 99 tokens, and this model's maximum context length is 64 tokens, /,
  ],
  [
    "has too small a context (vLLM, of a prompt)",
    {
      kind: "status",
      status: 400,
      body: '{"error":{"message":"The decoder prompt (length 99) is longer than the maximum model length of 64.","code":400}}',
    },
    "context_length_exceeded",
    /^The prompt is too long: it has 99 tokens, and this model's maximum context length is 64 tokens, /,
  ],
  [
    "has too small a context (llama-server of 2025)",
    {
      kind: "status",
      status: 400,
      body: '{"error":{"message":"the request exceeds the available context size (64 tokens), try increasing it"}}',
    },
    "context_length_exceeded",
    /^The prompt is too long, and this model's maximum context length is 64 tokens, /,
  ],
  ...TOO_LONG.map(([who, message, counts]): (typeof FAULTS)[number] => [
    `has too small a context (${who})`,
    { kind: "status", status: 400, body: JSON.stringify({ error: { message, type: "invalid_request_error", code: 400 } }) },
    "context_length_exceeded",
    counts,
  ]),
  [
    "sends a page",
    { kind: "says", type: "text/html", body: "<html>" },
    "upstream_error",
    /"text\/html" instead of an event stream/,
  ],
  ["sends no JSON", { kind: "says", type: "text/event-stream", body: "data: {oops\n\n" }, "upstream_error", /not JSON/],
  [
    "sends other JSON",
    { kind: "says", type: "text/event-stream", body: 'data: {"choices":5}\n\n' },
    "upstream_error",
    /not a chunk/,
  ],
  ["sends other JSON in one piece", { kind: "says", type: "application/json", body: "[1]" }, "upstream_error", /not a chunk/],
  [
    "fails amid its answer",
    { kind: "says", type: "text/event-stream", body: `${chunk({ content: "a" })}data: {"error":{"message":"ouch"}}\n\n` },
    "upstream_error",
    /ouch/,
  ],
  ["never ends a line", { kind: "endless" }, "upstream_error", /sent no proper answer/],
];

describe.each(FAULTS)("a server that %s", (_, behaviour, code, words) => {
  test("is an error; no connection is left, and the next request is answered", async () => {
    const there = await server(behaviour);
    const engine = await load([there]);
    const error = await failure(said(engine));
    expect(error.code).toBe(code as never);
    expect(error.message).toMatch(words);
    await quiet(there);
    there.behave({ kind: "answers" });
    expect(await said(engine)).toBe("hello");
    expect(there.chats).toHaveLength(2);
    await quiet(there);
  });
});

describe("a field that a server names as the one at fault", () => {
  const NAMED: [unknown, string | undefined][] = [
    ["grammar", "grammar"],
    ["messages[0].content", "messages[0].content"],
    ["messages.0.content", "messages.0.content"],
    ["repetition_penalty", "repeat_penalty"],
    ["best_of", undefined],
    ["constructor", undefined],
    ["grammar<script>", undefined],
    [`messages${"[0]".repeat(40)}`, undefined],
    ["", undefined],
    [null, undefined],
    [5, undefined],
  ];
  test.each(NAMED)("%j is named as %p", async (param, named) => {
    const message = "bad";
    const there = await server({ kind: "status", status: 400, body: JSON.stringify({ error: { message, param } }) });
    const request = ask("hi", { grammar: 'root ::= "x"', repeat_penalty: 1.1 });
    expect(await failure(said(await load([there]), request))).toMatchObject({ code: "request_refused", param: named });
  });

  test("is named amid an answer too", async () => {
    const frame = `data: ${JSON.stringify({ error: { message: "bad", code: 400, param: "stop" } })}\n\n`;
    const there = await server({ kind: "says", type: "text/event-stream", body: `${chunk({ content: "a" })}${frame}` });
    expect(await failure(said(await load([there]), ask("hi", { stop: ["x"] })))).toMatchObject({ param: "stop" });
  });
});

describe("of several servers", () => {
  const declined: [string, Behaviour][] = [
    ["resets", { kind: "resets" }],
    ["hangs", { kind: "hangs" }],
    ["is full", { kind: "status", status: 429, headers: { "retry-after": "1" } }],
    ["fails", { kind: "status", status: 500 }],
    ["does not know the model", { kind: "status", status: 404 }],
    ["sends a page", { kind: "says", type: "text/html", body: "<html>" }],
  ];
  test.each(declined)(
    "one that %s has its requests answered by another, and the client sees nothing of it",
    async (_, behaviour) => {
      const [bad, good] = [await server(behaviour), await server()];
      const engine = await load([bad, good]);
      await eventually("both were asked", () => bad.sockets() + good.sockets() === 0);
      for (let n = 0; n < 12; n++) expect(await said(engine, ask(`question ${n}`))).toBe("hello");
      expect(good.chats).toHaveLength(12);
      expect(bad.chats.length).toBeGreaterThan(0);
      expect(bad.chats.length).toBeLessThan(12);
      await quiet(bad, good);
    },
  );

  test.each<[string, Behaviour]>([
    ["hangs amid", { kind: "hangs_amid" }],
    ["is cut amid", { kind: "cut" }],
    ["ends too early", { kind: "ends_early" }],
  ])("an answer that %s is not begun again elsewhere", async (_, behaviour) => {
    const all = [await server(behaviour), await server(behaviour)];
    const engine = await load(all);
    expect((await failure(said(engine))).code).toBe("upstream_error");
    expect(all.reduce((sum, { chats }) => sum + chats.length, 0)).toBe(1);
    await quiet(...all);
  });

  test("a request that breaks two is not handed on to a third", async () => {
    const all = [await server({ kind: "resets" }), await server({ kind: "resets" }), await server({ kind: "resets" })];
    expect((await failure(said(await load(all)))).code).toBe("upstream_error");
    expect(all.map(({ chats }) => chats.length).toSorted()).toEqual([0, 1, 1]);
  });

  test("a request that is wrong is sent to one alone", async () => {
    const refuses: Behaviour = { kind: "status", status: 400, body: '{"error":{"message":"no"}}' };
    const all = [await server(refuses), await server(refuses)];
    expect((await failure(said(await load(all)))).code).toBe("request_refused");
    expect(all.reduce((sum, { chats }) => sum + chats.length, 0)).toBe(1);
  });

  test("where all are full, the client hears when to come back", async () => {
    const date = new Date(Date.now() + 90_000).toUTCString();
    for (const [header, least, most] of [["7", 7, 7] as const, [date, 80, 91] as const, [undefined, 0, 0] as const]) {
      const full: Behaviour = { kind: "status", status: 429, ...(header && { headers: { "retry-after": header } }) };
      const engine = await load([await server(full), await server(full)]);
      const { code, retry_after = 0 } = await failure(said(engine));
      expect(code).toBe("upstream_busy");
      expect(retry_after).toBeGreaterThanOrEqual(least);
      expect(retry_after).toBeLessThanOrEqual(most);
    }
  });

  test("where one is full and the others are gone, the client hears of the one that is there", async () => {
    const all = [await server({ kind: "status", status: 429 }), await server(), await server()];
    const engine = await load(all);
    await eventually("all were asked", () => all.every((each) => each.sockets() === 0));
    for (const gone of all.slice(1)) await gone.stop();
    for (let n = 0; n < 6; n++) expect((await failure(said(engine, ask(`n ${n}`)))).code).toBe("upstream_busy");
  });

  test("where one is full, nobody is sent to one that is set aside", async () => {
    const broken: Behaviour = { kind: "status", status: 500 };
    const full: Behaviour = { kind: "status", status: 429, headers: { "retry-after": "0" } };
    const [one, two] = [await server(broken), await server()];
    const engine = await load([one, two], { limits: { backoffs: [60_000] } });
    await eventually("it has failed", async () => (await said(engine, ask(`x${Math.random()}`)), one.chats.length === 1));
    two.behave(full);
    for (let n = 0; n < 6; n++) {
      expect((await failure(said(engine, ask(`n ${n}`)))).code).toBe("upstream_busy");
      await Bun.sleep(20);
    }
    expect(one.chats).toHaveLength(1);
  });

  test("requests at the same time go to the least busy, and never more than its slots to one", async () => {
    const all = [await server({ kind: "answers", ms: 150 }), await server({ kind: "answers", ms: 150 })];
    const engine = await load(all, { slots: 2 });
    await eventually("both were asked", () => all.every((each) => each.sockets() === 0));
    const requests = Array.from({ length: 8 }, (_, n) => said(engine, ask(`n ${n}`)));
    await eventually("four run", () => all.every(({ chats }) => chats.length === 2), 2_000);
    expect(await Promise.all(requests)).toEqual(Array.from({ length: 8 }, () => "hello"));
    expect(all.map(({ chats }) => chats.length)).toEqual([4, 4]);
    await quiet(...all);
  });

  test("a request that waits for a slot leaves with its client", async () => {
    const there = await server({ kind: "hangs_amid" });
    const engine = await load([there], { slots: 1, limits: { amid_ms: 5_000 } });
    const stop = new AbortController();
    const first = said(engine, ask("a"), stop.signal).catch((error: unknown) => error);
    await eventually("it runs", () => there.chats.length === 1);
    const leave = new AbortController();
    const second = said(engine, ask("b"), leave.signal).catch((error: unknown) => error);
    const reason = new Error("left");
    leave.abort(reason);
    expect(await second).toBe(reason);
    stop.abort(reason);
    expect(await first).toBe(reason);
    await quiet(there);
    there.behave({ kind: "answers" });
    expect(await said(engine)).toBe("hello");
    expect(there.chats).toHaveLength(2);
  });

  test("a conversation stays where it was, until that server is clearly busier or gone", async () => {
    const all = [await server(), await server(), await server()];
    const engine = await load(all);
    await eventually("all were asked", () => all.every((each) => each.sockets() === 0));
    const talk: ChatRequest["messages"] = [{ role: "user", content: "start" }];
    await said(engine, ask(talk));
    const home = all.find(({ chats }) => chats.length === 1)!;
    for (let n = 1; n < 5; n++) {
      talk.push({ role: "assistant", content: "hello" }, { role: "user", content: `more ${n}` });
      await said(engine, ask([...talk]));
      expect(home.chats).toHaveLength(n + 1);
    }
    await home.stop();
    expect(await said(engine, ask([...talk]))).toBe("hello");
    await home.start();
    const other = all.find((each) => each !== home && each.chats.length > 0)!;
    talk.push({ role: "assistant", content: "hello" }, { role: "user", content: "and now" });
    await eventually("it is back", async () => (await said(engine, ask(`x${Math.random()}`)), home.chats.length > 5));
    const before = other.chats.length;
    await said(engine, ask([...talk]));
    expect(other.chats).toHaveLength(before + 1);
  });

  test("a third request at the same time leaves the server of its conversation for an idle one", async () => {
    const all = [await server(), await server()];
    const engine = await load(all, { limits: { amid_ms: 30_000 } });
    await eventually("both were asked", () => all.every((each) => each.sockets() === 0));
    await said(engine, ask("start"));
    const home = all.find(({ chats }) => chats.length === 1)!;
    for (const each of all) each.behave({ kind: "hangs_amid" });
    const counts: number[] = [];
    for (let n = 0; n < 3; n++) {
      void said(engine, ask("start")).catch(() => {});
      await eventually("it runs", () => all.reduce((sum, { chats }) => sum + chats.length, 0) === n + 2);
      counts.push(home.chats.length);
    }
    expect(counts).toEqual([2, 3, 3]);
  });

  test("two engines send a new conversation to the same one", async () => {
    const all = [await server(), await server(), await server(), await server()];
    const nodes = [await load(all), await load(all)];
    await eventually("all were asked", () => all.every((each) => each.sockets() === 0));
    for (let n = 0; n < 10; n++) {
      const before = all.map(({ chats }) => chats.length);
      for (const node of nodes) await said(node, ask(`talk ${n}`));
      expect(all.map(({ chats }, i) => chats.length - before[i]!).toSorted()).toEqual([0, 0, 0, 2]);
    }
    expect(all.filter(({ chats }) => chats.length > 0).length).toBeGreaterThan(1);
  });

  test("one that dies gets no requests, and gets some again when it is back", async () => {
    const [mortal, other] = [await server(), await server()];
    const log: string[] = [];
    // A busy machine is no silence of the other one.
    const limits = { connect_ms: 10_000, first_ms: 10_000, amid_ms: 10_000 };
    const engine = await load([mortal, other], { limits, log: (line) => log.push(line) });
    await mortal.stop();
    for (let n = 0; n < 20; n++) expect(await said(engine, ask(`n ${n}`))).toBe("hello");
    await mortal.start();
    await eventually(
      "it is used again",
      async () => (await said(engine, ask(`x${Math.random()}`)), mortal.chats.length > 0),
      5_000,
    );
    expect(log.at(-1)).toBe(`model "m": ${mortal.host} answers again.`);
    await quiet(mortal, other);
  });

  test("where all are dead, each request says so, and the first after their return is answered", async () => {
    const all = [await server(), await server()];
    const engine = await load(all, { limits: { backoffs: [60_000] } });
    for (const each of all) await each.stop();
    for (let n = 0; n < 3; n++) {
      const { code, message } = await failure(said(engine));
      expect([code, message.replace(/^\S+/, "HOST")]).toEqual(["engine_unavailable", "HOST cannot be reached (ECONNREFUSED)."]);
    }
    for (const each of all) await each.start();
    expect(await said(engine)).toBe("hello");
  });
});

describe("time", () => {
  test("a server that gives signs of life may take as long as it likes", async () => {
    // Longer than a busy machine may hold back a sign of life.
    const amid_ms = 2_000;
    const there = await server({ kind: "pings", every_ms: 50, ms: amid_ms + 500 });
    expect(await said(await load([there], { limits: { amid_ms } }))).toBe("late");
  });

  test("a client that reads slowly is not a silence of the server", async () => {
    const pieces = [chunk({ content: "a" }), chunk({ content: "b" }), chunk({}, "stop"), "data: [DONE]\n\n"];
    const there = await server({ kind: "pieces", pieces, every_ms: 150 });
    let text = "";
    for await (const event of (await load([there])).chat(ask("hi"), never())) {
      await Bun.sleep(LIMITS.first_ms + 100);
      if (event.type === "text") text += event.text;
    }
    expect(text).toBe("ab");
  });

  test("a server that takes no connection is given up after the time for that", async () => {
    // The backlog of the socket is full and no connection is ever accepted: a further one gets no answer at all.
    const python = Bun.which("python3");
    if (python === null) throw new Error("This test needs python3.");
    const script = `import socket,sys,time
s=socket.socket();s.bind(("127.0.0.1",0));s.listen(0);p=s.getsockname()[1];a=[]
for i in range(4):
  c=socket.socket();c.setblocking(False);a.append(c)
  try:c.connect(("127.0.0.1",p))
  except BlockingIOError:pass
print(p,flush=True);time.sleep(60)`;
    const listener = Bun.spawn([python, "-c", script], { stdout: "pipe" });
    ended.push(() => listener.kill());
    const first = await listener.stdout.getReader().read();
    const port = new TextDecoder().decode(first.value).trim();
    const started = performance.now();
    const error = await failure(load([{ url: `http://127.0.0.1:${port}/v1` }]));
    expect(error.message).toContain(`127.0.0.1:${port} cannot be reached within 0.3 s.`);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("an end", () => {
  test("an abort amid the answer closes the connection and throws its reason", async () => {
    const there = await server({ kind: "hangs_amid" });
    const engine = await load([there], { limits: { amid_ms: 60_000 } });
    const stop = new AbortController();
    const reason = new Error("gone");
    const run = async (): Promise<void> => {
      for await (const event of engine.chat(ask("hi"), stop.signal)) if (event.type === "text") stop.abort(reason);
    };
    expect(await run().catch((error: unknown) => error)).toBe(reason);
    await quiet(there);
  });

  test("an abort before the answer, or who leaves it, closes the connection too", async () => {
    const there = await server({ kind: "hangs" });
    const engine = await load([there], { limits: { first_ms: 60_000, amid_ms: 60_000 } });
    const stop = new AbortController();
    const answer = said(engine, ask("hi"), stop.signal).catch((error: unknown) => error);
    await eventually("it is asked", () => there.chats.length === 1);
    stop.abort(new Error("gone"));
    expect((await answer) as Error).toMatchObject({ message: "gone" });
    await quiet(there);
    there.behave({ kind: "hangs_amid" });
    for await (const event of engine.chat(ask("hi"), never())) if (event.type === "text") break;
    await quiet(there);
  });

  test("close ends what runs, and no server is asked any more", async () => {
    const [there, dead] = [await server({ kind: "hangs" }), await server()];
    const engine = await load([there, dead], { limits: { first_ms: 60_000 } });
    await dead.stop();
    const requests = [1, 2].map((n) => failure(said(engine, ask(`n ${n}`))));
    await eventually("both hang", () => there.chats.length === 2);
    await engine.close();
    await engine.close();
    expect((await Promise.all(requests)).map(({ code }) => code)).toEqual(["engine_unavailable", "engine_unavailable"]);
    expect(await engine.closed).toBeUndefined();
    await dead.start();
    await Bun.sleep(300);
    await quiet(there, dead);
  });
});
