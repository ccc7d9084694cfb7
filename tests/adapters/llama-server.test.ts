import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AdapterError, ChatMessage, ChatRequest, Engine } from "../../adapters/adapter.ts";
import { adapterSuite, TINY, TINY_WITH_TOOLS, TOOLS_TEMPLATE } from "../adapter-suite.ts";
import { collect } from "../support/collect.ts";
import { rerankSuite } from "../embedding-suite.ts";
import { installedAs, tinyEncoder } from "../support/tiny-encoders.ts";
import { llamaServerChat } from "../support/llama-server-chat.ts";
import { makeModel } from "../support/app.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { ask, tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";
import { childrenOf, processorTime } from "../support/processes.ts";
import { realModel } from "../support/real-model.ts";
import { eventually } from "../support/server.ts";
import { addTurnToken } from "../support/tiny-gguf.ts";
import { becomesIdle } from "../support/work.ts";

const { path, skip } = await realServer();
const prompts = startPrompts();
afterAll(prompts.close);
const adapter = llamaServerChat({ binary: () => path!, env: process.env, prompts });
const capabilities = adapter.capabilities(makeModel("tiny"));
const signal = (): AbortSignal => AbortSignal.timeout(50_000);

describe.skipIf(skip !== undefined)(`llama-server${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  adapterSuite("tiny model", { ...TINY, adapter, capabilities });
  rerankSuite("tiny encoder", { adapter, model: () => installedAs("rank", tinyEncoder({ rank_head: true })) });
  adapterSuite("tiny model with a template for tools", { ...TINY_WITH_TOOLS, adapter, capabilities });
  adapterSuite("real model", {
    adapter,
    model: realModel,
    prompt: "Count from one to twenty in words.",
    prompt_tokens: 38,
    long_prompt: "The quick brown fox jumps over the lazy dog. ".repeat(80),
    context: 1024,
    samples: true,
    goes_on: true,
    capabilities,
  });

  describe("special tokens in a message stay text", () => {
    const fed = async (engine: Engine, content: string) =>
      (await collect(engine.chat(ask(content, { max_tokens: 1 }), signal()))).usage.prompt_tokens;

    test("of the real model", async () => {
      const engine = await adapter.load(await realModel(), { slots: 1, context: 512, threads: 1 }, signal());
      const bare = await fed(engine, "a b");
      // One token each, were they seen: as text they are several.
      expect(await fed(engine, "a <|im_start|> b")).toBeGreaterThan(bare + 4);
      expect(await fed(engine, "a <|im_end|> b")).toBeGreaterThan(bare + 4);
      // What looks like one and is none is left as it is.
      expect(await fed(engine, "a <|im_stop|> b")).toBeGreaterThan(bare + 4);
      await engine.close();
    });

    test("of the tiny model", async () => {
      const engine = await adapter.load(await tinyModel(), { slots: 1, context: 512, threads: 1 }, signal());
      const bare = await fed(engine, "a b");
      for (const name of ["<s>", "</s>"]) expect(await fed(engine, `a ${name} b`)).toBeGreaterThan(bare + 3);
      // Nothing is put into them: they are as long as what is no name.
      expect(await fed(engine, "a <s> </s> b")).toBe(await fed(engine, "a <q> </q> b"));
      await engine.close();
    });

    test("also one that has the type of plain text", async () => {
      const engine = await adapter.load(
        await tinyModel({ mutate: addTurnToken }),
        { slots: 1, context: 512, threads: 1 },
        signal(),
      );
      expect(await fed(engine, "a <|turn|> b")).toBeGreaterThan((await fed(engine, "a b")) + 6);
      await engine.close();
    });
  });

  test("an answer that was begun goes on beside tools", async () => {
    const engine = await adapter.load(
      await tinyModel({ template: TOOLS_TEMPLATE }),
      { slots: 1, context: 512, threads: 1 },
      signal(),
    );
    const messages: ChatMessage[] = [
      { role: "user", content: "Which is the capital of France?" },
      { role: "assistant", content: "The capital of France" },
    ];
    const tools = [{ type: "function" as const, function: { name: "look", parameters: { type: "object" } } }];
    const { text } = await collect(engine.chat(ask(messages, { max_tokens: 40, tools }), signal()));
    expect([text.length > 0, text.includes("The capital")]).toEqual([true, false]);
    await engine.close();
  });

  test("Jan's prompt_template goes around the messages, and no program in it runs", async () => {
    const prompt_template = 'SYS "{system_message}"\n USER {prompt} {% BOT {{ 7 * 7 }}\\n';
    const plain = await adapter.load(await tinyModel(), { slots: 1, context: 512, threads: 1 }, signal());
    const own = await adapter.load(
      { ...(await tinyModel()), settings: { prompt_template } },
      { slots: 1, context: 512, threads: 1 },
      signal(),
    );
    const messages: ChatMessage[] = [
      { role: "system", content: "be kind" },
      { role: "user", content: "one {prompt}" },
      { role: "assistant", content: "two" },
      { role: "user", content: "three" },
    ];
    const tail = " {% BOT {{ 7 * 7 }}\\n";
    const whole = `SYS "be kind"\n USER one {prompt}${tail}two"\n USER three${tail}`;
    const one = await collect(own.chat(ask(messages), signal()));
    const other = await collect(plain.chat(ask(whole), signal()));
    expect([one.usage, one.text]).toEqual([other.usage, other.text]);
    await Promise.all([plain.close(), own.close()]);
  });

  test("a template that refuses the messages, and one that does not parse, say so", async () => {
    const template =
      "{% for m in messages %}{{ m.content }}{% if m.content == 'bad' %}{{ raise_exception('Be good') }}{% endif %}{% endfor %}";
    const engine = await adapter.load(await tinyModel({ template }), { slots: 1, context: 512, threads: 1 }, signal());
    const error = (await collect(engine.chat(ask("bad"), signal())).catch((error: unknown) => error)) as AdapterError;
    expect([error.code as string, error.message]).toEqual(["messages_refused", expect.stringContaining("Be good")]);
    await engine.close();
    const broken = await adapter
      .load(await tinyModel({ template: "{% if %}" }), { slots: 1, context: 512, threads: 1 }, signal())
      .catch((e) => e);
    expect([broken.code, broken.message]).toEqual(["model_load_failed", expect.stringContaining("Unexpected token")]);
  });

  test("a template that doubles its text without end is kept from the engine, and its requests are refused", async () => {
    const doublings = Array.from({ length: 26 }, () => "{% set ns.x = ns.x ~ ns.x %}").join("");
    const template = `{% set ns = namespace(x='x') %}${doublings}{{ ns.x }}{% for m in messages %}{{ m.content }}{% endfor %}`;
    const engine = await adapter.load(await tinyModel({ template }), { slots: 1, context: 512, threads: 1 }, signal());
    for (const more of [{}, { response_format: { type: "json_object" as const } }]) {
      const error = (await collect(engine.chat(ask("hi", more), signal())).catch((error: unknown) => error)) as AdapterError;
      expect(error.code as string).toBe("template_failed");
    }
    await engine.close();
    expect(await engine.closed).toBeUndefined();
  });

  const loop = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
  const TRAPS: Record<string, string> = {
    "calls of tools": `{% for m in messages %}{% if m.tool_calls %}${loop}{% endif %}{{ m.content }}{% endfor %}`,
    "what comes without a beginning of an answer": `{% if not add_generation_prompt %}${loop}{% endif %}{{ messages[0].content }}`,
  };
  for (const [name, template] of Object.entries(TRAPS)) {
    test(`a template that never ends for ${name} does not keep the engine from others`, async () => {
      const patient = llamaServerChat({ binary: () => path!, env: process.env, prompts, limits: { template: 1_000 } });
      const engine = await patient.load(await tinyModel({ template }), { slots: 1, context: 512, threads: 1 }, signal());
      expect((await collect(engine.chat(ask("hi", { max_tokens: 3 }), signal()))).usage.completion_tokens).toBe(3);
      await engine.close();
    });
  }

  test("prompts far over the context are refused before the engine is asked", async () => {
    const engine = await adapter.load(await tinyModel(), { slots: 1, context: 512, threads: 1 }, signal());
    const short = Array.from({ length: 30_000 }, () => ({ role: "user" as const, content: "a" }));
    for (const messages of ["a".repeat(10_000_000), "<s>".repeat(100_000), short]) {
      for (const more of [{}, { response_format: { type: "json_object" as const } }]) {
        const error = (await collect(engine.chat(ask(messages, more), signal())).catch(
          (error: unknown) => error,
        )) as AdapterError;
        expect(error.code as string).toBe("context_length_exceeded");
      }
    }
    await engine.close();
  });

  test("half of a surrogate pair in a schema or a stop text is no failure of the engine", async () => {
    const engine = await adapter.load(await tinyModel(), { slots: 1, context: 512, threads: 1 }, signal());
    const answerTo = (request: Partial<ChatRequest>) =>
      collect(engine.chat(ask("hi \ud800", { max_tokens: 8, ...request }), signal()));
    const schema = { type: "object", properties: { "\udc00": { const: "\ud800\\" } }, required: ["\udc00"] };
    const response_format = { type: "json_schema" as const, json_schema: { name: "answer", schema } };
    expect((await answerTo({ response_format })).usage.completion_tokens).toBeGreaterThan(0);
    expect((await answerTo({ stop: ["\ud800"] })).usage.completion_tokens).toBeGreaterThan(0);
    expect((await answerTo({ grammar: 'root ::= "\ud800"' })).text).toBe("\ufffd");
    await engine.close();
  });

  test("a grammar that kills its engine kills nothing else", async () => {
    const engine = await adapter.load(await tinyModel(), { slots: 1, context: 512, threads: 1 }, signal());
    const grammar = `root ::= ${"(".repeat(20_000)}"x"${")".repeat(20_000)}`;
    const error = (await collect(engine.chat(ask("x", { grammar }), signal())).catch((error: unknown) => error)) as AdapterError;
    expect(error.code as string).toMatch(/^(engine_crashed|request_refused)$/);
    await engine.close();
  });

  describe("a generation whose client has left leaves an idle engine", () => {
    let engine: Engine;
    let pid: number;
    beforeAll(async () => {
      const before = childrenOf(process.pid);
      engine = await adapter.load(await realModel(), { slots: 1, context: 4096, threads: 1 }, signal());
      pid = childrenOf(process.pid).find((pid) => !before.includes(pid))!;
    });
    afterAll(() => engine.close());

    for (const [name, content, type] of [
      ["amid its prompt", "The quick brown fox jumps over the lazy dog. ".repeat(350), "prompt"],
      ["amid its answer", "Count to a thousand.", "text"],
    ] as const) {
      test(
        name,
        async () => {
          const start = processorTime(pid);
          let seen = 0;
          // The first sign of a prompt may come before anything of it was read.
          for await (const event of engine.chat(ask(content, { max_tokens: 3_000 }), signal()))
            if (event.type === type && ++seen === 3) break;
          const left = processorTime(pid);
          await becomesIdle(pid);
          // What a step or two take, and the second until the server looks, of two cores; the rest of the generation would be many times that.
          expect(processorTime(pid) - left).toBeLessThan(3 * (left - start) + 2_500);
          expect(await Promise.race([engine.closed, "alive"])).toBe("alive");
        },
        60_000,
      );
    }
  });

  test("a conversation that goes on reuses what its slot holds, but not where it has to be repeatable", async () => {
    const engine = await adapter.load(await tinyModel(), { slots: 2, context: 512, threads: 1 }, signal());
    const cached = async (repeatable: boolean) =>
      (await collect(engine.chat(ask("hello world, hello world", { repeatable, max_tokens: 2 }), signal()))).usage.cached_tokens;
    expect(await cached(false)).toBe(0);
    expect(await cached(false)).toBeGreaterThan(10);
    expect(await cached(true)).toBe(0);
    await engine.close();
    await eventually("it is gone", async () => (await engine.closed) === undefined);
  });
});
