// Which route of llama-server a request takes, and what is sent there: of a fake one that keeps what it was asked, and of the real one.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdapterError, type ChatMessage, type ChatRequest, type Engine, type Tool } from "../../adapters/adapter.ts";
import { llamaServer } from "../../adapters/llama-server/adapter.ts";
import type { TemplateFacts } from "../../adapters/prompts.ts";
import { collect } from "../adapter-suite.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { ask, tinyModel } from "../support/models.ts";
import { realModel } from "../support/real-model.ts";
import { fixedPrompts, FORMS, renderedPrompts } from "../support/rendered-prompts.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-routes-"));
afterAll(() => rmSync(root, { recursive: true }));
const FAKE = join(import.meta.dirname, "../support", "fake-llama-server.ts");
const binary = join(root, "llama-server");
writeFileSync(binary, `#!/bin/sh\nexec "${process.execPath}" "${FAKE}" "$@"\n`);
chmodSync(binary, 0o755);
const signal = (): AbortSignal => AbortSignal.timeout(50_000);

const TOOLS: Tool[] = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];
const CALL = { id: "call1", type: "function" as const, function: { name: "weather", arguments: "{}" } };
const IMAGE = `data:image/png;base64,${"A".repeat(1_000)}`;
const SEEN: ChatMessage = {
  role: "user",
  content: [
    { type: "text", text: "What is it?" },
    { type: "image_url", image_url: { url: IMAGE } },
  ],
};
const CALLED: ChatMessage[] = [
  { role: "user", content: "How is the weather?" },
  { role: "assistant", content: "", tool_calls: [CALL] },
  { role: "tool", tool_call_id: "call1", content: "fine" },
];
const SCHEMA = { type: "json_schema" as const, json_schema: { name: "x", schema: { type: "string" } } };

let count = 0;

/** What was rendered, and the requests about it that the fake llama-server got: their paths and bodies. */
async function asked(
  request: Partial<ChatRequest>,
  prompt?: Parameters<typeof fixedPrompts>[0],
  facts?: Partial<TemplateFacts>,
  grammar?: AdapterError,
) {
  const file = join(root, `asked-${count++}`);
  const { prompts, rendered } = fixedPrompts(prompt, facts, grammar);
  const env = { ...process.env, GGML_ASKED: file };
  const engine = await llamaServer({ binary: () => binary, env, prompts }).load(
    await tinyModel(),
    { slots: 1, context: 512 },
    signal(),
  );
  const { text, error } = await collect(engine.chat(ask("Hi.", request), signal())).then(
    ({ text }) => ({ text, error: undefined }),
    (error: AdapterError) => ({ text: undefined, error }),
  );
  await engine.close();
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
  const requests = lines
    .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)] as const)
    .filter(([, body]) => body !== "")
    .map(([path, body]) => ({ path, body: JSON.parse(body) }));
  return { text, error, rendered, requests };
}

describe("a request", () => {
  test("is sent as the tokens of its prompt", async () => {
    const { text, rendered, requests } = await asked({ max_tokens: 7, seed: 3, top_k: 5, logprobs: { top: 0 }, stop: ["x"] });
    expect(text).toBe("hello");
    expect(rendered).toMatchObject([{ messages: [{ role: "user", content: "Hi." }] }]);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      path: "/completion",
      body: { prompt: [1, 2, 3], stream: true, n_predict: 7, seed: 3, top_k: 5, n_probs: 1, id_slot: 0, cache_prompt: false },
    });
    const { body } = requests[0]!;
    for (const name of ["messages", "stop", "max_tokens", "chat_template"]) expect(body).not.toHaveProperty(name);
  });

  test("without tokens is an empty text, for which there is no error", async () => {
    expect((await asked({}, { tokens: [] })).requests[0]!.body.prompt).toBe("");
  });

  test("whose pieces are no tokens yet has them made at once, with one start token", async () => {
    const pieces = await asked({}, { pieces: ["a <", "s> b"] });
    expect(pieces.requests.map(({ path }) => path).sort()).toEqual(["/completion", "/tokenize", "/tokenize"]);
    expect(pieces.requests.at(-1)!.body.prompt).toEqual([1, 5, 5]);
    expect((await asked({}, { pieces: ["<s>", "a"] })).requests.at(-1)!.body.prompt).toEqual([1, 5]);
  });

  const CHAT: Record<string, [request: Partial<ChatRequest>, facts?: Partial<TemplateFacts>]> = {
    "with tools": [{ tools: TOOLS }],
    "with a schema": [{ response_format: SCHEMA }],
    "with calls of tools in its history": [{ messages: CALLED }],
    "with an image": [{ messages: [SEEN] }],
    "to a model that thinks": [{}, { thinking: true }],
  };
  for (const [name, [request, facts]] of Object.entries(CHAT)) {
    test(`${name} is sent as messages, once it was rendered`, async () => {
      const { text, rendered, requests } = await asked(request, undefined, facts);
      expect([text, rendered.length]).toEqual(["hello", 1]);
      expect(requests.at(-1)!.path).toBe("/v1/chat/completions");
      expect(requests.at(-1)!.body).toMatchObject({ id_slot: 0, cache_prompt: false, messages: expect.any(Array) });
      expect(requests.filter(({ path }) => path === "/completion")).toEqual([]);
    });

    for (const code of ["template_failed", "messages_refused", "context_length_exceeded"] as const) {
      test(`${name} that cannot be rendered (${code}) never gets to llama-server`, async () => {
        const { error, requests } = await asked(request, new AdapterError(code, "No."), facts);
        expect([error?.code, requests]).toEqual([code, []]);
      });
    }
  }

  test("with calls in its history is a prompt of plain text where the template shows none", async () => {
    const { requests, rendered } = await asked({ messages: CALLED }, undefined, { forms: { ...FORMS, calls: false } });
    expect([rendered.length, requests[0]!.path]).toEqual([1, "/completion"]);
    expect((await asked({ messages: CALLED })).requests[0]!.path).toBe("/v1/chat/completions");
  });

  test("has names and thoughts in its messages", async () => {
    const messages: ChatMessage[] = [
      { role: "user", name: "ada", content: "hi" },
      { role: "assistant", reasoning_content: "because", content: "ho" },
    ];
    const { requests } = await asked({ messages, tools: TOOLS });
    expect(requests[0]!.body.messages).toEqual(messages);
  });

  test("has an answer go on with its last message on both routes", async () => {
    const [first] = CALLED as [ChatMessage];
    const begun: ChatMessage = { role: "assistant", content: "It is" };
    const GOES_ON = { continue_final_message: true, add_generation_prompt: false };
    const bodyOf = async (request: Partial<ChatRequest>) => (await asked({ tools: TOOLS, ...request })).requests[0]!.body;
    expect(await bodyOf({ messages: [first, begun] })).toMatchObject({ ...GOES_ON, messages: [first, begun] });
    const [anew, other] = [
      await bodyOf({ messages: [first, begun], continue_final_message: false }),
      await bodyOf({ messages: [first, { role: "assistant", content: "" }] }),
    ];
    expect([anew.messages, anew.continue_final_message, anew.add_generation_prompt]).toEqual([
      [first, begun],
      undefined,
      undefined,
    ]);
    expect([other.messages, other.continue_final_message]).toEqual([[first], undefined]);
    for (const continue_final_message of [true, false]) {
      const { rendered, requests } = await asked({ messages: [first, begun], continue_final_message });
      expect([rendered[0]!.continue_final_message, requests[0]!.path]).toEqual([continue_final_message, "/completion"]);
    }
  });

  test("whose answer was begun can force no call", async () => {
    const messages: ChatMessage[] = [CALLED[0]!, { role: "assistant", content: "It is" }];
    for (const tool_choice of ["required", { name: "weather" }] as const) {
      const { error, requests } = await asked({ messages, tools: TOOLS, tool_choice });
      expect([error?.code, error?.param, requests]).toEqual(["request_refused", "tool_choice", []]);
      expect((await asked({ messages, tools: TOOLS, tool_choice, continue_final_message: false })).text).toBe("hello");
    }
  });

  test("has arguments of calls that llama-server can parse, whatever a model wrote", async () => {
    const written = ["{", "", "[1]", '{"a":1}'];
    const calls = written.map((text) => ({ ...CALL, function: { name: "weather", arguments: text } }));
    const { requests } = await asked({ messages: [{ role: "assistant", content: "", tool_calls: calls }], tools: TOOLS });
    const sent = requests[0]!.body.messages[0].tool_calls.map((call: typeof CALL) => JSON.parse(call.function.arguments));
    expect(sent).toEqual([{ raw: "{" }, {}, { raw: "[1]" }, { a: 1 }]);
  });

  test("that cannot be rendered never gets to llama-server, however long its text is", async () => {
    const refusal = new AdapterError("context_length_exceeded", "No.");
    for (const content of ["a".repeat(1e6), "<s>".repeat(1e5)]) {
      const { error, requests } = await asked({ messages: [{ role: "user", content }] }, refusal);
      expect([error, requests]).toEqual([refusal, []]);
    }
  });

  test("has its values for the template on both routes", async () => {
    const kwargs = { enable_thinking: false, effort: "low" };
    const rendered = await asked({ chat_template_kwargs: kwargs });
    expect(rendered.rendered[0]!.chat_template_kwargs).toEqual(kwargs);
    expect(rendered.requests[0]!.path).toBe("/completion");
    const chat = await asked({ chat_template_kwargs: kwargs }, undefined, { thinking: true });
    expect(chat.requests.at(-1)!.body.chat_template_kwargs).toEqual(kwargs);
  });

  test("that looks back over the whole context says how long that is", async () => {
    const { requests } = await asked({ samplers: { repeat_last_n: -1, dry_penalty_last_n: -1, dry_multiplier: 1 } });
    const { repeat_last_n, dry_penalty_last_n } = requests[0]!.body;
    expect(repeat_last_n).toBeGreaterThan(64);
    expect(dry_penalty_last_n).toBe(repeat_last_n);
  });

  test("whose grammar cannot be compiled never gets to llama-server", async () => {
    const refusal = new AdapterError("request_refused", "No.", { param: "grammar" });
    const { error, requests } = await asked({ grammar: 'root ::= "x"' }, undefined, {}, refusal);
    expect([error, requests]).toEqual([refusal, []]);
    expect((await asked({ grammar: 'root ::= "x"' })).requests[0]!.body.grammar).toBe('root ::= "x"');
  });

  test("is rendered without the bytes of its images, and with its tools only where they may be called", async () => {
    const [{ messages }] = (await asked({ messages: [SEEN] })).rendered as [{ messages: ChatMessage[] }];
    expect(JSON.stringify(messages).length).toBeLessThan(200);
    expect((await asked({ tools: TOOLS })).rendered[0]).toHaveProperty("tools");
    const none = await asked({ tools: TOOLS, tool_choice: "none" });
    expect(none.rendered[0]).not.toHaveProperty("tools");
    expect(none.requests[0]!.path).toBe("/completion");
  });
});

test("a template that is not bounded never gets to llama-server, which would run it at its start", async () => {
  const args = async (facts: Partial<TemplateFacts>): Promise<string> => {
    const { prompts } = fixedPrompts(undefined, facts);
    const adapter = llamaServer({ binary: () => binary, env: { ...process.env, GGML_FAKE: "secrets" }, prompts });
    const engine = await adapter.load(await tinyModel(), { slots: 1, context: 512 }, signal());
    const { text } = await collect(engine.chat(ask("Hi."), signal()));
    await engine.close();
    return text;
  };
  expect(await args({ bounded: false })).toContain("--chat-template chatml");
  expect(await args({})).not.toContain("--chat-template chatml");
});

const { path, skip } = await realServer();

describe.skipIf(skip !== undefined)(`both routes of llama-server${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  let engines: Engine[];
  beforeAll(async () => {
    const load = async (thinking: boolean): Promise<Engine> => {
      const prompts = renderedPrompts({ thinking }, []);
      const adapter = llamaServer({ binary: () => path!, env: process.env, prompts });
      return adapter.load(await realModel(), { slots: 1, context: 1024, threads: 1 }, signal());
    };
    engines = [await load(false), await load(true)];
  });
  afterAll(async () => {
    for (const engine of engines) await engine.close();
  });

  const REQUESTS: Record<string, ChatRequest> = {
    "a question": ask("Count from one to ten in words.", { max_tokens: 24 }),
    "a conversation": ask(
      [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hi." },
        { role: "assistant", content: "Hello!" },
        { role: "user", content: "Who are you?" },
      ],
      { max_tokens: 24 },
    ),
    "an answer that ends by itself": ask("Say yes.", { max_tokens: 200 }),
    "an answer that a stop string ends": ask("Count from one to ten in words.", { max_tokens: 100, stop: ["three"] }),
    probabilities: ask("Say it with emoji: 🦊 🐻 漢字", { max_tokens: 24, logprobs: { top: 3 } }),
    "a grammar": ask("Fire or ice?", { grammar: 'root ::= "🔥 fire" | "ice"', logprobs: { top: 2 } }),
    "a bias": ask("Say something.", { logit_bias: { "260": 100, "504": -100 }, max_tokens: 4 }),
    "a seed": ask("Tell a story.", { temperature: 1.2, top_k: 40, top_p: 0.9, min_p: 0.05, seed: 5, max_tokens: 24 }),
    penalties: ask("Repeat: la la la la", {
      max_tokens: 24,
      ...{ repeat_penalty: 1.3, frequency_penalty: 0.5, presence_penalty: 0.5, samplers: { dry_multiplier: 0.8 } },
    }),
    "a long prompt": ask("The quick brown fox jumps over the lazy dog. ".repeat(70), { max_tokens: 8 }),
  };
  for (const [name, request] of Object.entries(REQUESTS)) {
    test(`have the same events for ${name}`, async () => {
      const [own, chat] = await Promise.all(engines.map((engine) => collect(engine.chat(request, signal()))));
      expect(own!.events.length).toBeGreaterThan(1);
      expect(own!.events).toEqual(chat!.events);
    });
  }
});
