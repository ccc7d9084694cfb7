// POST /v1/tokenize, /v1/detokenize, /v1/chat/completions/input_tokens and /v1/apply-template.
import { describe, expect, test } from "bun:test";
import type { Capability, ChatRequest, Engine } from "../../adapters/adapter.ts";
import type { TokenizeOptions } from "../../adapters/completion.ts";
import { errorOf, HI, makeApp, makeModel } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";
import { turnsOf } from "../support/metrics.ts";

type Fields = Record<string, unknown>;

/** The API over an engine with these calls. */
function serve(calls: Partial<Engine>, capabilities: Capability[] = []) {
  const { adapter } = fakeAdapter({ capabilities });
  const load: typeof adapter.load = async (...args) => ({ ...(await adapter.load(...args)), ...calls });
  return makeApp({ adapter: { ...adapter, load } });
}

async function bodyOf(path: string, fields: Fields, app = makeApp()): Promise<any> {
  const res = await app.post(path, fields);
  expect(res.status).toBe(200);
  return res.json();
}

describe("POST /v1/tokenize", () => {
  /** What the engine is asked. */
  const asked = async (fields: Fields): Promise<[string, TokenizeOptions]> => {
    let seen: [string, TokenizeOptions] | undefined;
    const tokenize: Engine["tokenize"] = async (text, options) => {
      seen = [text, options];
      return [5, 6];
    };
    await bodyOf("/v1/tokenize", fields, serve({ tokenize }));
    return seen!;
  };

  test("puts nothing before a content, and before a prompt what a sequence begins with", async () => {
    expect(await asked({ content: "a" })).toEqual(["a", { add_special: false, parse_special: true }]);
    expect(await asked({ prompt: "a" })).toEqual(["a", { add_special: true, parse_special: true }]);
    expect(await asked({ content: "a", prompt: "a" })).toEqual(["a", { add_special: false, parse_special: true }]);
    expect(await asked({ content: "a", add_special: true, parse_special: false })).toEqual([
      "a",
      { add_special: true, parse_special: false },
    ]);
    expect(await asked({ prompt: "a", add_special_tokens: false })).toEqual(["a", { add_special: false, parse_special: true }]);
  });

  test("answers in both forms", async () => {
    const calls = { tokenize: async () => [5, 6], tokenBytes: async () => [[0x61], [0xf0, 0x9f]] };
    const { context_length } = { context_length: 4_096 };
    const plain = { count: 2, max_model_len: context_length };
    expect(await bodyOf("/v1/tokenize", { content: "a" }, serve(calls))).toEqual({ tokens: [5, 6], ...plain });
    expect(await bodyOf("/v1/tokenize", { content: "a", with_pieces: true }, serve(calls))).toEqual({
      tokens: [
        { id: 5, piece: "a" },
        { id: 6, piece: [0xf0, 0x9f] },
      ],
      ...plain,
    });
    expect(await bodyOf("/v1/tokenize", { content: "a", return_token_strs: true }, serve(calls))).toEqual({
      tokens: [5, 6],
      ...plain,
      token_strs: ["a", "\ufffd"],
    });
  });

  test("an empty text has no tokens", async () => {
    expect((await bodyOf("/v1/tokenize", { content: "" })).tokens).toEqual([]);
  });

  test("takes a chat too, with what is a part of its prompt", async () => {
    let chat: ChatRequest | undefined;
    const tokenizeChat: Engine["tokenizeChat"] = async (request) => {
      chat = request;
      return [1, 2, 3];
    };
    const tools = [{ type: "function", function: { name: "f" } }];
    const body = await bodyOf("/v1/tokenize", { messages: HI, tools }, serve({ tokenizeChat }, ["tools"]));
    expect([body.tokens, body.count]).toEqual([[1, 2, 3], 3]);
    expect(chat).toMatchObject({ messages: HI, tools });
  });

  test("is no generation, waits for no slot, and goes on with the model loaded", async () => {
    const app = makeApp({ pool: { slots: 1, queue: 1 } });
    const { tokens } = await bodyOf("/v1/tokenize", { content: "one two" }, app);
    expect((await bodyOf("/v1/detokenize", { tokens }, app)).content).toBe("one two");
    expect(turnsOf(app.pool.metrics(["tiny"]))).toEqual({});
    expect(app.pool.state("tiny")).toBe("running");
  });

  const REFUSALS: [fields: Fields, param: string, code: string][] = [
    [{}, "content", "missing_required_parameter"],
    [{ content: 5 }, "content", "invalid_type"],
    [{ content: "a", prompt: "b" }, "prompt", "invalid_value"],
    [{ content: "a", messages: HI }, "content", "invalid_value"],
    [{ messages: [] }, "messages", "invalid_value"],
    [{ messages: [{ role: "nobody", content: "a" }] }, "messages[0].role", "invalid_value"],
    [{ content: "a", add_special: true, add_special_tokens: false }, "add_special_tokens", "invalid_value"],
    [{ content: "a", add_special: "yes" }, "add_special", "invalid_type"],
    [{ content: "a", chat_template: "{{ messages }}" }, "chat_template", "unsupported_parameter"],
    [{ content: "a", model: "nope" }, "model", "model_not_found"],
  ];
  test.each(REFUSALS)("B-80: refuses %j with its field", async (fields, param, code) => {
    expect(await errorOf(await makeApp().post("/v1/tokenize", fields))).toMatchObject({ param, code });
  });

  test("B-80: refuses what the engine cannot tell, and names what is passed over", async () => {
    const app = serve({ tokenize: async () => [5] });
    const refused = await errorOf(await app.post("/v1/tokenize", { content: "a", with_pieces: true }));
    expect(refused).toMatchObject({ status: 400, param: "with_pieces", code: "unsupported_parameter" });
    const res = await app.post("/v1/tokenize", { content: "a", user: "me", nonsense: 1 });
    expect(res.headers.get("x-ingle-ignored")).toBe("user, nonsense");
  });

  test("B-84: has the limit of bodies that a model reads", async () => {
    const app = makeApp({ guards: { body_limit: 2 ** 21 } });
    expect((await app.post("/v1/tokenize", { content: "a".repeat(2 ** 20 + 1000) })).status).toBe(200);
    expect((await app.post("/v1/tokenize", { content: "a".repeat(2 ** 21) })).status).toBe(413);
  });
});

describe("POST /v1/detokenize", () => {
  test("answers in both forms", async () => {
    const app = serve({ detokenize: async (tokens) => tokens.join() });
    expect(await bodyOf("/v1/detokenize", { tokens: [5, 6] }, app)).toEqual({ content: "5,6", prompt: "5,6" });
    expect((await bodyOf("/v1/detokenize", { tokens: [] })).content).toBe("");
  });

  const REFUSALS: [fields: Fields, param: string, code: string][] = [
    [{}, "tokens", "missing_required_parameter"],
    [{ tokens: "a" }, "tokens", "invalid_type"],
    [{ tokens: [1, -1] }, "tokens[1]", "invalid_value"],
    [{ tokens: [0.5] }, "tokens[0]", "invalid_type"],
    [{ tokens: ["a"] }, "tokens[0]", "invalid_type"],
    [{ tokens: [9_999] }, "tokens[0]", "invalid_value"],
  ];
  test.each(REFUSALS)("B-81: refuses %j with its place", async (fields, param, code) => {
    expect(await errorOf(await makeApp().post("/v1/detokenize", fields))).toMatchObject({ status: 400, param, code });
  });
});

describe("the prompt of a chat", () => {
  test("is counted as the tokens that its answer would begin with", async () => {
    const body = { messages: [{ role: "user", content: "one two three" }] };
    expect(await bodyOf("/v1/chat/completions/input_tokens", body)).toEqual({
      object: "response.input_tokens",
      input_tokens: 3,
    });
  });

  test("is a text", async () => {
    expect(await bodyOf("/v1/apply-template", { messages: HI })).toEqual({ prompt: "hi" });
  });

  test.each(["/v1/chat/completions/input_tokens", "/v1/apply-template"])("B-82: %s refuses what a chat refuses", async (path) => {
    expect(await errorOf(await makeApp().post(path, {}))).toMatchObject({ status: 400, param: "messages" });
    expect(await errorOf(await makeApp().post(path, { messages: HI, temperature: 9 }))).toMatchObject({ param: "temperature" });
    const models = [makeModel("tiny", { pooling: "mean", causal: false })];
    const named = await makeApp({ models }).post(path, { model: "tiny", messages: HI });
    expect(await errorOf(named)).toMatchObject({ status: 400, param: "model" });
    const none = await serve({}).post(path, { messages: HI });
    expect(await errorOf(none)).toMatchObject({ status: 400, param: "messages", code: "unsupported_parameter" });
    const res = await makeApp().post(path, { messages: HI, user: "me" });
    expect(res.headers.get("x-ingle-ignored")).toBe("user");
  });
});
