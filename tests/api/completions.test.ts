// POST /v1/completions: what the engine is asked, what its events become, and what is refused.
import { describe, expect, test } from "bun:test";
import type { Capability, CompletionEvent, ScoredToken } from "../../adapters/adapter.ts";
import { CAPABILITIES } from "../../adapters/adapter.ts";
import type { CompletionRequest } from "../../adapters/completion.ts";
import { echo } from "../../adapters/echo.ts";
import type { Model } from "../../models/manifest.ts";
import { errorOf, makeApp, makeModel, SEED } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";

type Fields = Record<string, unknown>;

const complete = (fields: Fields, options: Parameters<typeof makeApp>[0] = {}) =>
  makeApp(options).post("/v1/completions", { prompt: "one two", ...fields });

async function bodyOf(fields: Fields, options: Parameters<typeof makeApp>[0] = {}): Promise<any> {
  const res = await complete(fields, options);
  expect(res.status).toBe(200);
  return res.json();
}

/** What the engine is asked. */
async function asked(fields: Fields, more: Partial<Model> = {}, capabilities: Capability[] = [...CAPABILITIES]) {
  const fake = fakeAdapter({ answer: ["x"], capabilities });
  const res = await complete(fields, { adapter: fake.adapter, models: [makeModel("tiny", more)] });
  return { request: fake.generations[0]?.request, requests: fake.generations.map(({ request }) => request), res };
}

/** An engine whose completions are these events. */
function scripted(script: (request: CompletionRequest) => CompletionEvent[]) {
  const { adapter } = fakeAdapter({ capabilities: [...CAPABILITIES] });
  const load: typeof adapter.load = async (...args) => ({
    ...(await adapter.load(...args)),
    async *complete(request) {
      yield* script(request);
    },
    detokenize: async (tokens) => tokens.map((token) => `<${token}>`).join(""),
  });
  return { adapter: { ...adapter, load } };
}

const framesOf = async (res: Response): Promise<any[]> =>
  (await res.text())
    .split("\n\n")
    .filter((frame) => frame.startsWith("data: {"))
    .map((frame) => JSON.parse(frame.slice(6)));

describe("an answer", () => {
  test("is a text completion", async () => {
    expect(await bodyOf({})).toEqual({
      ...{ id: "cmpl-1", object: "text_completion", created: 1_700_000_000, model: "tiny", system_fingerprint: "ingle-1.2.3" },
      choices: [{ text: "one two", index: 0, logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4, prompt_tokens_details: { cached_tokens: 0 } },
    });
  });

  test("is streamed as chunks of the same object, with the usage at the end where it is asked for", async () => {
    const res = await complete({ stream: true, stream_options: { include_usage: true } });
    expect(res.headers.get("content-type")).toStartWith("text/event-stream");
    const text = await res.clone().text();
    const frames = await framesOf(res);
    expect(frames.map(({ object }) => object)).toEqual(frames.map(() => "text_completion"));
    expect(frames.map(({ choices, usage }) => [choices[0]?.text, choices[0]?.finish_reason, usage?.total_tokens])).toEqual([
      ["one", null, undefined],
      [" two", null, undefined],
      ["", "stop", undefined],
      [undefined, undefined, 4],
    ]);
    expect(text).toEndWith("data: [DONE]\n\n");
    expect((await framesOf(await complete({ stream: true }))).every(({ usage }) => usage === undefined)).toBe(true);
  });

  test("has 16 tokens where nobody says how many, also with a model that has a number for chats", async () => {
    const prompt = "a ".repeat(40);
    const models = [makeModel("tiny", { parameters: { max_tokens: 30 } })];
    const { choices, usage } = await bodyOf({ prompt }, { models });
    expect([choices[0].finish_reason, usage.completion_tokens]).toEqual(["length", 16]);
    expect((await bodyOf({ prompt, max_tokens: 0 })).usage).toMatchObject({ completion_tokens: 0, prompt_tokens: 41 });
    expect((await bodyOf({ prompt, max_tokens: -1 })).choices[0].finish_reason).toBe("stop");
  });

  test("has the prompt in front with echo, whether it is a text or tokens", async () => {
    expect((await bodyOf({ echo: true })).choices[0].text).toBe("one twoone two");
    const app = makeApp();
    const tokens = [4, 5];
    const body = await bodyOf(
      { prompt: tokens, echo: true, max_tokens: 0 },
      scripted(() => [FINISH]),
    );
    expect(body.choices[0].text).toBe("<4><5>");
    await app.pool.close(0);
    const frames = await framesOf(await complete({ echo: true, stream: true }));
    expect(frames.map(({ choices }) => choices[0].text)).toEqual(["one two", "one", " two", ""]);
  });

  test("is one of each prompt and choice, in the order of the prompts, with usage over all", async () => {
    const { choices, usage } = await bodyOf({ prompt: ["a b", "c", "d e f"] });
    expect(choices.map(({ index, text }: any) => [index, text])).toEqual([
      [0, "a b"],
      [1, "c"],
      [2, "d e f"],
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 6, completion_tokens: 6, total_tokens: 12 });
    const script = ({ prompt, choices }: CompletionRequest): CompletionEvent[] => [
      ...Array.from({ length: choices?.count ?? 1 }, (_, choice) => ({
        type: "text" as const,
        choice,
        text: `${String(prompt)}${choice}`,
      })),
      { ...FINISH, further: [{ reason: "length" }] },
    ];
    const both = await bodyOf({ prompt: ["a", "b"], n: 2, echo: true }, scripted(script));
    expect(both.choices.map(({ index, text, finish_reason }: any) => [index, text, finish_reason])).toEqual([
      [0, "aa0", "stop"],
      [1, "aa1", "length"],
      [2, "bb0", "stop"],
      [3, "bb1", "length"],
    ]);
    expect(both.usage.completion_tokens).toBe(8);
  });

  test("streams several prompts, each chunk with its index", async () => {
    const frames = await framesOf(await complete({ prompt: ["a b", "c d"], stream: true }));
    const texts = ["", ""];
    for (const { choices } of frames) texts[choices[0].index] += choices[0].text;
    expect(texts).toEqual(["a b", "c d"]);
    expect(frames.filter(({ choices }) => choices[0].finish_reason !== null).length).toBe(2);
  });
});

const FINISH = {
  ...{ type: "finish", reason: "stop" },
  usage: { prompt_tokens: 3, completion_tokens: 4, cached_tokens: 0 },
} as const satisfies CompletionEvent;

const utf8 = (text: string): number[] => [...new TextEncoder().encode(text)];
const token = (text: string, logprob: number | null, rivals: [string, number][] = []): ScoredToken => ({
  ...{ token: text, logprob, bytes: utf8(text) },
  top_logprobs: rivals.map(([rival, logprob]) => ({ token: rival, logprob, bytes: utf8(rival) })),
});

describe("logprobs", () => {
  test("are lists beside each other, with the token among its rivals and its place in the text", async () => {
    const events: CompletionEvent[] = [
      { type: "text", text: "ü b", logprobs: [token("ü", -1, [["x", -0.5]]), token(" b", -2)] as never },
      { type: "text", text: "c", logprobs: [token("c", -0.1, [["c", -0.1]])] as never },
      FINISH,
    ];
    const { choices } = await bodyOf(
      { logprobs: 1 },
      scripted(() => events),
    );
    expect(choices[0].logprobs).toEqual({
      tokens: ["ü", " b", "c"],
      token_logprobs: [-1, -2, -0.1],
      top_logprobs: [{ x: -0.5, ü: -1 }, { " b": -2 }, { c: -0.1 }],
      text_offset: [0, 1, 3],
    });
  });

  test("of parts of a character are written as bytes, and stand where it does", async () => {
    const bytes = utf8("🦊");
    const part = (from: number, to: number) => ({ token: "\ufffd", logprob: -1, bytes: bytes.slice(from, to), top_logprobs: [] });
    const events: CompletionEvent[] = [
      { type: "text", text: "a🦊b", logprobs: [token("a", -1), part(0, 2), part(2, 4), token("b", -1)] as never },
      FINISH,
    ];
    const { choices } = await bodyOf(
      { logprobs: 0 },
      scripted(() => events),
    );
    expect(choices[0].logprobs.tokens).toEqual(["a", "bytes:\\xf0\\x9f", "bytes:\\xa6\\x8a", "b"]);
    expect(choices[0].logprobs.text_offset).toEqual([0, 1, 1, 2]);
  });

  test("with echo are those of the prompt too, of which the first token has none", async () => {
    const scored = [{ token: "<s>", logprob: null, bytes: null, top_logprobs: [] }, token(" one", -3, [["the", -1]])];
    const script = ({ score_prompt }: CompletionRequest): CompletionEvent[] => [
      ...(score_prompt
        ? [
            { type: "scored" as const, tokens: scored.slice(0, 1) },
            { type: "scored" as const, tokens: scored.slice(1) },
          ]
        : []),
      { type: "text", text: " two", logprobs: [token(" two", -2)] as never },
      FINISH,
    ];
    const { choices } = await bodyOf({ prompt: "one", echo: true, logprobs: 1 }, scripted(script));
    expect(choices[0]).toMatchObject({
      text: "one two",
      logprobs: {
        tokens: ["<s>", " one", " two"],
        token_logprobs: [null, -3, -2],
        top_logprobs: [null, { the: -1, " one": -3 }, { " two": -2 }],
        text_offset: [0, 0, 3],
      },
    });
    const none = await bodyOf(
      { prompt: "one", echo: true, logprobs: 1, max_tokens: 0 },
      scripted(() => [{ type: "scored", tokens: scored }, FINISH]),
    );
    expect(none.choices[0]).toMatchObject({ text: "one", logprobs: { token_logprobs: [null, -3] } });
    const frames = await framesOf(await complete({ prompt: "one", echo: true, logprobs: 1, stream: true }, scripted(script)));
    expect(frames.map(({ choices: [{ text, logprobs }] }) => [text, logprobs?.text_offset])).toEqual([
      ["one", [0, 0]],
      [" two", [3]],
      ["", undefined],
    ]);
  });
});

describe("the engine is asked", () => {
  test("with the values of the request, else of the model", async () => {
    const { request } = await asked(
      { prompt: "a", temperature: 0, stop: ["x", ""], seed: 5, n_predict: 3, repetition_penalty: 1.2, cache_prompt: false },
      { parameters: { top_p: 0.5, temperature: 1 } },
    );
    expect(request).toMatchObject({
      ...{
        prompt: "a",
        temperature: 0,
        top_p: 0.5,
        stop: ["x"],
        seed: 5,
        max_tokens: 3,
        repeat_penalty: 1.2,
        cache_prompt: false,
      },
      ...{ repeatable: true, cache_scope: "" },
    });
    expect((await asked({})).request).toMatchObject({ seed: SEED, max_tokens: 16, repeatable: false });
  });

  test("for what its capabilities allow", async () => {
    const schema = { type: "object", properties: {} };
    const fields = { n: 2, logprobs: 3, logit_bias: { "5": 1 }, mirostat: 1, guided_json: schema };
    expect((await asked(fields)).request).toMatchObject({
      ...{ choices: { count: 2, at_once: 2 }, logprobs: { top: 3 }, logit_bias: { "5": 1 }, samplers: { mirostat: 1 } },
      response_format: { type: "json_schema", json_schema: { schema } },
    });
    expect((await asked({ suffix: "z" }, { fill_in: true })).request).toMatchObject({ suffix: "z" });
    expect((await asked({ echo: true, logprobs: 2 })).request).toMatchObject({ score_prompt: { top: 2 }, logprobs: { top: 2 } });
  });

  test("for nothing by values that ask for nothing", async () => {
    const nothing = {
      ...{ best_of: 1, echo: false, suffix: "", logprobs: null, n: 1, user: "", stream_options: null },
      ...{ tools: [], tool_choice: "auto", messages: [], min_tokens: 0, add_special_tokens: true, top_logprobs: 0 },
    };
    const [plain, sent] = [await asked({}), await asked(nothing)];
    expect(sent.request).toEqual(plain.request);
    expect(sent.res.headers.get("x-ingle-ignored")).toBeNull();
    expect((await asked({ n: 2, best_of: 2 })).res.status).toBe(200);
  });

  test("and what is passed over is named", async () => {
    const { res } = await asked({ user: "me", reasoning_effort: "high", nonsense: 1 });
    expect(res.headers.get("x-ingle-ignored")).toBe("user, reasoning_effort, nonsense");
  });
});

const REFUSALS: [fields: Fields, param: string, code: string, more?: Partial<Model>][] = [
  [{ prompt: null }, "prompt", "missing_required_parameter"],
  [{ prompt: "" }, "prompt", "invalid_value"],
  [{ prompt: [] }, "prompt", "invalid_value"],
  [{ prompt: ["a", ""] }, "prompt[1]", "invalid_value"],
  [{ prompt: [[]] }, "prompt[0]", "invalid_value"],
  [{ prompt: {} }, "prompt", "invalid_type"],
  [{ prompt: 5 }, "prompt", "invalid_type"],
  [{ prompt: [1, "a"] }, "prompt[1]", "invalid_type"],
  [{ prompt: ["a", 1] }, "prompt[1]", "invalid_type"],
  [{ prompt: [[1], [2, -1]] }, "prompt[1][1]", "invalid_value"],
  [{ prompt: [1, 0.5] }, "prompt[1]", "invalid_value"],
  [{ prompt: Array.from({ length: 129 }, () => "a") }, "prompt", "too_many_items"],
  [{ suffix: "z" }, "suffix", "unsupported_parameter"],
  [{ suffix: 5 }, "suffix", "invalid_type"],
  [{ suffix: "z", echo: true, logprobs: 1 }, "suffix", "unsupported_parameter", { fill_in: true }],
  [{ best_of: 2 }, "best_of", "unsupported_parameter"],
  [{ n: 2, best_of: 3 }, "best_of", "unsupported_parameter"],
  [{ n: 9 }, "n", "invalid_value"],
  [{ logprobs: 21 }, "logprobs", "invalid_value"],
  [{ logprobs: -1 }, "logprobs", "invalid_value"],
  [{ logprobs: true }, "logprobs", "invalid_value"],
  [{ max_tokens: -2 }, "max_tokens", "invalid_value"],
  [{ messages: [{ role: "user", content: "a" }] }, "messages", "unsupported_parameter"],
  [{ tools: [{ type: "function", function: { name: "f" } }] }, "tools", "unsupported_parameter"],
  [{ functions: [{ name: "f" }] }, "functions", "unsupported_parameter"],
  [{ grammar: 'root ::= "a"', response_format: { type: "json_object" } }, "grammar", "invalid_value"],
  [{ stream_options: { include_usage: true } }, "stream_options", "invalid_value"],
  [{ model: "nope" }, "model", "model_not_found"],
];

describe("B-76, B-78, B-79, B-84: refused with its field", () => {
  test.each(REFUSALS)("%j", async (fields, param, code, more = {}) => {
    const { res } = await asked(fields, more);
    const error = await errorOf(res);
    expect([error.param, error.code]).toEqual([param, code]);
    expect(error.message).toMatch(/\.$/);
  });

  test("the prompts of an engine that does not score them", async () => {
    const capabilities = CAPABILITIES.filter((name) => name !== "prompt_logprobs");
    const error = await errorOf((await asked({ echo: true, logprobs: 1 }, {}, capabilities)).res);
    expect(error).toMatchObject({ status: 400, param: "echo", code: "unsupported_parameter" });
    expect(error.message).toContain("--adapter node-llama-cpp");
  });

  test("a model that writes no text", async () => {
    const { res } = await asked({ model: "tiny" }, { pooling: "mean", causal: false });
    expect(await errorOf(res)).toMatchObject({ status: 400, param: "model" });
  });

  test("a prompt that is too long or has an unknown token, before any of them is generated", async () => {
    const options = { adapter: echo(), pool: { context: 16 } };
    const long = await errorOf(await complete({ prompt: ["a", "b ".repeat(20)] }, options));
    expect(long).toMatchObject({ status: 400, param: "prompt[1]", code: "context_length_exceeded", n_ctx: 16 });
    expect(await errorOf(await complete({ prompt: "b ".repeat(20) }, options))).toMatchObject({ param: "prompt" });
    const unknown = await errorOf(await complete({ prompt: [["a"], [0, 9_999]].slice(1) }, options));
    expect(unknown).toMatchObject({ status: 400, param: "prompt[0][0]" });
    const streamed = await complete({ prompt: ["a", "b ".repeat(20)], stream: true }, options);
    expect(streamed.status).toBe(400);
  });

  test("a body beyond the limit of bodies with prompts, which is larger than that of others", async () => {
    const { post } = makeApp({ guards: { body_limit: 2 ** 21 } });
    const fits = await post("/v1/completions", { prompt: "a".repeat(2 ** 20 + 1000), max_tokens: 1 });
    expect(fits.status).toBe(200);
    expect((await post("/v1/completions", { prompt: "a".repeat(2 ** 21) })).status).toBe(413);
  });
});

test("a client that leaves ends all of its prompts", async () => {
  const fake = fakeAdapter();
  const { post, pool } = makeApp({ adapter: fake.adapter });
  const client = new AbortController();
  const res = post("/v1/completions", { prompt: ["a", "b", "c"] }, { signal: client.signal });
  const ended = res.catch((error: unknown) => error);
  await fake.generation(0);
  client.abort();
  await fake.generations[0]!.over;
  await ended;
  expect(fake.generations.length).toBeLessThan(3);
  expect(pool.list()).toMatchObject([{ busy: 0 }]);
});
