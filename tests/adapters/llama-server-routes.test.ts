// Which route of llama-server a request takes, and what is sent there: of a fake one that keeps what it was asked, and of the real one.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdapterError, type ChatMessage, type ChatRequest, type Engine, type Tool } from "../../adapters/adapter.ts";
import { imageChatBody } from "../../adapters/llama-server/image-chat-body.ts";
import { checkedSampling } from "../../adapters/llama-server/request-body.ts";
import type { TemplateFacts } from "../../adapters/prompts.ts";
import { hasImages } from "../../adapters/shared/message-text.ts";
import { collect } from "../support/collect.ts";
import { llamaServerChat } from "../support/llama-server-chat.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { startBareServer } from "../support/bare-server.ts";
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
/** With an image, which llama-server reads. */
const seen = (...messages: ChatMessage[]): ChatMessage[] => [SEEN, ...messages];

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
  const installed = await tinyModel();
  const model = { ...installed, ...(hasImages(ask("Hi.", request)) && { projector: installed.path }) };
  const engine = await llamaServerChat({ binary: () => binary, env, prompts }).load(
    model,
    { slots: 1, context: 512, threads: 1 },
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

  test("whose pieces are no tokens yet has them made at once, with one start token", async () => {
    const pieces = await asked({}, { pieces: ["a <", "s> b"] });
    expect(pieces.requests.map(({ path }) => path).sort()).toEqual(["/completion", "/tokenize", "/tokenize"]);
    expect(pieces.requests.at(-1)!.body.prompt).toEqual([1, 5, 5]);
    expect((await asked({}, { pieces: ["<s>", "a"] })).requests.at(-1)!.body.prompt).toEqual([1, 5]);
  });

  const TOKENS: Record<string, [request: Partial<ChatRequest>, facts?: Partial<TemplateFacts>]> = {
    "with calls of tools in its history": [{ messages: CALLED }],
    "with calls that the template does not show": [{ messages: CALLED }, { forms: { ...FORMS, calls: false } }],
    "to a model that thinks": [{}, { thinking: true }],
    "with values for the template": [{ chat_template_kwargs: { enable_thinking: false } }],
  };
  for (const [name, [request, facts]] of Object.entries(TOKENS)) {
    test(`${name} is sent as tokens too`, async () => {
      const { text, rendered, requests } = await asked(request, undefined, facts);
      expect([text, rendered.length, requests.map(({ path }) => path)]).toEqual(["hello", 1, ["/completion"]]);
    });
  }

  test("with an image is sent as messages, once its texts were rendered", async () => {
    const kwargs = { enable_thinking: false, effort: "low" };
    const { text, rendered, requests } = await asked({ messages: seen(), chat_template_kwargs: kwargs });
    expect([text, rendered.length, requests.map(({ path }) => path)]).toEqual(["hello", 1, ["/v1/chat/completions"]]);
    expect(requests[0]!.body).toMatchObject({ id_slot: 0, cache_prompt: false, messages: [SEEN], chat_template_kwargs: kwargs });
    expect(JSON.stringify(rendered)).not.toContain(IMAGE);
  });

  for (const code of ["template_failed", "messages_refused", "context_length_exceeded"] as const) {
    test(`with an image that cannot be rendered (${code}) never gets to llama-server`, async () => {
      const { error, requests } = await asked({ messages: seen() }, new AdapterError(code, "No."));
      expect([error?.code, requests]).toEqual([code, []]);
    });
  }

  const BESIDE: Record<string, Partial<ChatRequest>> = {
    tools: { tools: TOOLS },
    response_format: { response_format: SCHEMA },
    grammar: { grammar: 'root ::= "x"' },
    n: { choices: { count: 2, at_once: 1 } },
  };
  for (const [param, more] of Object.entries(BESIDE)) {
    test(`with an image cannot be honoured beside "${param}"`, async () => {
      const { error, requests } = await asked({ messages: seen(), ...more });
      expect([error?.code, error?.param, requests]).toEqual(["request_unsupported", param, []]);
    });
  }

  test("with an image may have tools that are not to be called", async () => {
    const { text, requests } = await asked({ messages: seen(), tools: TOOLS, tool_choice: "none" });
    expect([text, requests[0]!.body.tools]).toEqual(["hello", undefined]);
  });

  test("with an address in place of an image is refused, as llama-server would fetch it", async () => {
    const messages: ChatMessage[] = [{ role: "user", content: [{ type: "image_url", image_url: { url: "http://a/b.png" } }] }];
    const { error, requests } = await asked({ messages });
    const param = "messages[0].content[0].image_url.url";
    expect([error?.code, error?.param, requests]).toEqual(["request_refused", param, []]);
  });

  test("with an image has names and thoughts in its messages", async () => {
    const messages: ChatMessage[] = [
      { role: "user", name: "ada", content: "hi" },
      { role: "assistant", reasoning_content: "because", content: "ho" },
    ];
    const { requests } = await asked({ messages: seen(...messages) });
    expect(requests[0]!.body.messages).toEqual(seen(...messages));
  });

  test("has an answer go on with its last message on both routes", async () => {
    const begun: ChatMessage = { role: "assistant", content: "It is" };
    const GOES_ON = { continue_final_message: true, add_generation_prompt: false };
    const bodyOf = async (request: Partial<ChatRequest>) => (await asked(request)).requests[0]!.body;
    expect(await bodyOf({ messages: seen(begun) })).toMatchObject({ ...GOES_ON, messages: seen(begun) });
    const [anew, other] = [
      await bodyOf({ messages: seen(begun), continue_final_message: false }),
      await bodyOf({ messages: seen({ role: "assistant", content: "" }) }),
    ];
    expect([anew.messages, anew.continue_final_message, anew.add_generation_prompt]).toEqual([seen(begun), undefined, undefined]);
    expect([other.messages, other.continue_final_message]).toEqual([seen(), undefined]);
    for (const continue_final_message of [true, false]) {
      const { rendered, requests } = await asked({ messages: [CALLED[0]!, begun], continue_final_message });
      expect([rendered[0]!.continue_final_message, requests[0]!.path]).toEqual([continue_final_message, "/completion"]);
    }
  });

  test("with an image has arguments of calls that llama-server can parse, whatever a model wrote", async () => {
    const written = ["{", "", "[1]", '{"a":1}'];
    const calls = written.map((text) => ({ ...CALL, function: { name: "weather", arguments: text } }));
    const { requests } = await asked({ messages: seen({ role: "assistant", content: "", tool_calls: calls }) });
    const sent = requests[0]!.body.messages[1].tool_calls.map((call: typeof CALL) => JSON.parse(call.function.arguments));
    expect(sent).toEqual([{ raw: "{" }, {}, { raw: "[1]" }, { a: 1 }]);
  });

  test("that cannot be rendered never gets to llama-server, however long its text is", async () => {
    const refusal = new AdapterError("context_length_exceeded", "No.");
    for (const content of ["a".repeat(1e6), "<s>".repeat(1e5)]) {
      const { error, requests } = await asked({ messages: [{ role: "user", content }] }, refusal);
      expect([error, requests]).toEqual([refusal, []]);
    }
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
});

test("a template gets to llama-server, which runs it at its start, where images need it and it is bounded", async () => {
  const args = async (images: boolean, facts: Partial<TemplateFacts>): Promise<string> => {
    const { prompts } = fixedPrompts(undefined, facts);
    const adapter = llamaServerChat({ binary: () => binary, env: { ...process.env, GGML_FAKE: "secrets" }, prompts });
    const installed = await tinyModel();
    const model = { ...installed, ...(images && { projector: installed.path }) };
    const engine = await adapter.load(model, { slots: 1, context: 512, threads: 1 }, signal());
    const { text } = await collect(engine.chat(ask("Hi."), signal()));
    await engine.close();
    return text;
  };
  expect(await args(false, {})).toContain("--chat-template chatml");
  expect(await args(true, { bounded: false })).toContain("--chat-template chatml");
  expect(await args(true, {})).not.toContain("--chat-template chatml");
});

const { path, skip } = await realServer();

describe.skipIf(skip !== undefined)(`llama-server's own chat route${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  let engine: Engine;
  let bare: Awaited<ReturnType<typeof startBareServer>>;
  beforeAll(async () => {
    const model = await realModel();
    const adapter = llamaServerChat({ binary: () => path!, env: process.env, prompts: renderedPrompts({}, []) });
    engine = await adapter.load(model, { slots: 1, context: 1024, threads: 1 }, signal());
    bare = await startBareServer(path!, model.path, ["-c", "1024", "-t", "1", "-b", "512"]);
  });
  afterAll(async () => {
    await engine.close();
    await bare.kill();
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
    test(`has the same answer for ${name}`, async () => {
      const { stop, ...others } = request;
      const model = { context_length: 1024, vocab_size: 49_152 };
      const template = { forms: FORMS, parsed_arguments: true };
      const body = { ...imageChatBody(checkedSampling({ ...others, stop: [] }, model), model, template), stream: false, stop };
      const { text, finish, events } = await collect(engine.chat(request, signal()));
      const answer = (await bare.post("/v1/chat/completions", { ...body, stream_options: undefined })) as OwnAnswer;
      const [choice] = answer.choices;
      expect(text).not.toBe("");
      expect([text, finish.reason]).toEqual([choice.message.content, choice.finish_reason]);
      const { prompt_tokens, completion_tokens } = finish.usage;
      expect({ prompt_tokens, ...(stop.length === 0 && { completion_tokens }) }).toEqual({
        prompt_tokens: answer.usage.prompt_tokens,
        ...(stop.length === 0 && { completion_tokens: answer.usage.completion_tokens }),
      });
      // It leaves out tokens amid characters, and counts the end of an answer as one.
      const [own, theirs] = [
        events.flatMap((event) => (event.type === "text" ? (event.logprobs ?? []) : [])),
        (choice.logprobs?.content ?? []).slice(0, -1),
      ].map((tokens) => tokens.map(({ logprob }) => logprob.toFixed(2)));
      expect(own).toEqual(expect.arrayContaining(theirs!));
    });
  }
});

interface OwnAnswer {
  choices: [{ message: { content: string }; finish_reason: string; logprobs?: { content: { logprob: number }[] } }];
  usage: { prompt_tokens: number; completion_tokens: number };
}
