// What parameters of a chat request do on the two native engines: a tiny model behind the whole API.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Adapter } from "../../adapters/adapter.ts";
import { templateFacts } from "../../models/gguf/template-facts.ts";
import { CHAT_TABLE } from "../../tools/docs/parameters/chat.ts";
import { errorOf, makeApp, makeModel } from "../support/app.ts";
import { tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { parameterRows, wrongRows } from "../support/parameter-rows.ts";
import { startPrompts } from "../support/prompts.ts";

const CONTEXT = 256;
const SWITCH =
  "{% for m in messages %}{{ m.content }}{% endfor %}" +
  "{% if enable_thinking is defined and not enable_thinking %}<think> </think>{% endif %}" +
  "{% if reasoning_effort is defined %}{{ reasoning_effort }}{% endif %}";
const PLAIN = "{% for m in messages %}{{ m.content }}{% endfor %}";

interface Answer {
  text: string;
  reason: string;
  ignored: string | null;
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
}

/** The API over a tiny model with a template. */
function serve(adapter: Adapter, template: string, { context = CONTEXT, slots = 1 } = {}) {
  const app = makeApp({
    adapter,
    models: [makeModel("tiny", templateFacts(template))],
    pool: { slots, queue: 300, context, resolve: () => tinyModel({ template, context_length: context }) },
  });
  const send = (fields: object) => app.chat({ messages: [{ role: "user", content: "hello world" }], temperature: 0, ...fields });
  return {
    send,
    close: () => app.pool.close(0),
    async chat(fields: object): Promise<Answer> {
      const res = await send({ max_tokens: 8, ...fields });
      const body = (await res.json()) as any;
      if (res.status !== 200) throw new Error(JSON.stringify(body));
      const { choices, usage } = body;
      const { prompt_tokens, completion_tokens, prompt_tokens_details } = usage;
      const [{ message, finish_reason }] = choices;
      return {
        text: (message.reasoning_content ?? "") + message.content,
        reason: finish_reason,
        ignored: res.headers.get("x-ingle-ignored"),
        ...{ prompt_tokens, completion_tokens, cached_tokens: prompt_tokens_details.cached_tokens },
      };
    },
  };
}

/** With tools and calls of them, thoughts, a switch for these, and efforts. */
const RICH =
  "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}\n" +
  "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}" +
  "{% for c in m.tool_calls or [] %}<tool_call>{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}</tool_call>" +
  "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n" +
  "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}" +
  "{% if reasoning_effort is defined %}{{ reasoning_effort }}{% endif %}{% endif %}";

const rows = parameterRows(CHAT_TABLE);

const prompts = startPrompts();
afterAll(() => prompts.close());
const ENGINES = await nativeEngines(prompts);

for (const [name, adapter, skip] of ENGINES) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    let [plain, switched]: ReturnType<typeof serve>[] = [];
    beforeAll(() => {
      [plain, switched] = [PLAIN, SWITCH].map((template) => serve(adapter, template));
    });
    afterAll(async () => {
      for (const { close } of [plain!, switched!]) await close();
    });

    test("each row of the table in docs/api.md is as it says", async () => {
      expect(rows.length).toBe(CHAT_TABLE.list.size);
      const sides = [serve(adapter, RICH, { context: 1024, slots: 4 }), plain!];
      for (const [side, { send }] of sides.entries()) {
        expect(await wrongRows(CHAT_TABLE, { engine: name, side, send })).toEqual([]);
      }
      await sides[0]!.close();
    });

    test.each([
      { reasoning_effort: "none" },
      { thinking: { type: "disabled" } },
      { think: false },
      { enable_thinking: false },
      { reasoning: { enabled: false } },
      { chat_template_kwargs: { enable_thinking: false } },
    ])("%j turns the switch of a template that has one", async (fields) => {
      const usual = await switched!.chat({});
      const off = await switched!.chat(fields);
      expect(off.prompt_tokens).toBeGreaterThan(usual.prompt_tokens);
      expect([usual.ignored, off.ignored]).toEqual([null, null]);
    });

    test("a template gets its further values", async () => {
      const usual = await switched!.chat({});
      const { prompt_tokens, ignored } = await switched!.chat({ reasoning_effort: "high" });
      expect([prompt_tokens > usual.prompt_tokens, ignored]).toEqual([true, null]);
    });

    const HOT = { temperature: 1.5, seed: 3, max_tokens: 24 };

    test.each([{ top_k: 1 }, { top_p: 0 }, { min_p: 1 }, { temperature: 0 }])(
      "%j leaves the likeliest token alone",
      async (fields) => {
        const [hot, greedy, narrow] = [
          await plain!.chat(HOT),
          await plain!.chat({ ...HOT, temperature: 0 }),
          await plain!.chat({ ...HOT, ...fields }),
        ];
        expect(hot.text).not.toBe(greedy.text);
        expect(narrow.text).toBe(greedy.text);
      },
    );

    test.each([{ seed: 4 }, { random_seed: 4, seed: null }])(
      "%j samples another answer, the same one each time",
      async (fields) => {
        const [hot, other, again] = [
          await plain!.chat(HOT),
          await plain!.chat({ ...HOT, ...fields }),
          await plain!.chat({ ...HOT, seed: 4 }),
        ];
        expect(other.text).not.toBe(hot.text);
        expect(again.text).toBe(other.text);
      },
    );

    test.each([{ frequency_penalty: 2 }, { presence_penalty: 2 }, { repeat_penalty: 1.9 }])(
      "%j changes the answer",
      async (fields) => {
        expect((await plain!.chat({ max_tokens: 24, ...fields })).text).not.toBe((await plain!.chat({ max_tokens: 24 })).text);
      },
    );

    test("a stop string, and the last of 64, ends the answer", async () => {
      const { text } = await plain!.chat({ max_tokens: 24 });
      const piece = text.slice(10, 14);
      const stop = [...Array.from({ length: 63 }, (_, i) => `never ${i}`), piece];
      for (const fields of [{ stop: piece }, { stop: ["", piece] }, { stop }]) {
        const stopped = await plain!.chat({ max_tokens: 24, ...fields });
        expect([stopped.text, stopped.reason]).toEqual([text.slice(0, text.indexOf(piece)), "stop"]);
      }
    });

    test("cache_prompt false reads the prompt anew", async () => {
      const warm = { temperature: 1 };
      await plain!.chat(warm);
      expect((await plain!.chat(warm)).cached_tokens).toBeGreaterThan(0);
      expect((await plain!.chat({ ...warm, cache_prompt: false })).cached_tokens).toBe(0);
    });

    test("repetition_penalty is repeat_penalty", async () => {
      const [usual, ours, theirs] = [
        await plain!.chat({ max_tokens: 24 }),
        await plain!.chat({ max_tokens: 24, repeat_penalty: 1.9 }),
        await plain!.chat({ max_tokens: 24, repetition_penalty: 1.9 }),
      ];
      expect(ours.text).not.toBe(usual.text);
      expect(theirs.text).toBe(ours.text);
    });

    test.each(["n_predict", "num_predict", "max_new_tokens", "max_completion_tokens"])("%s bounds the answer", async (field) => {
      expect(await plain!.chat({ max_tokens: undefined, [field]: 3 })).toMatchObject({ completion_tokens: 3, reason: "length" });
    });

    test("max_tokens -1 is bounded by the context alone", async () => {
      const { prompt_tokens, completion_tokens } = await plain!.chat({ max_tokens: -1 });
      expect(prompt_tokens + completion_tokens).toBeGreaterThan(CONTEXT - 2 * prompt_tokens);
      expect(prompt_tokens + completion_tokens).toBeLessThanOrEqual(CONTEXT);
    });

    test("values that ask for nothing change nothing", async () => {
      const usual = await plain!.chat({});
      const nothing = {
        ...{
          model: null,
          stop: "",
          n: 1,
          tools: [{ type: "function", function: { name: "f", parameters: null } }],
          tool_choice: "none",
        },
        ...{ chat_template_kwargs: {}, repeat_last_n: -1, mirostat_tau: 5, guided_json: null, min_tokens: 0, stop_token_ids: [] },
        ...{ bad_words: [], logit_bias: {}, response_format: { type: "text" }, cache_prompt: true, stream_options: null },
      };
      expect(await plain!.chat(nothing)).toEqual(usual);
      expect(await plain!.chat({ stop: Array.from({ length: 64 }, (_, i) => `never ${i}`) })).toMatchObject({ text: usual.text });
    });

    test.each([
      ["min_tokens", 5],
      ["stop_token_ids", [2]],
      ["bad_words", ["x"]],
    ])("%s is refused with its name", async (param, value) => {
      expect(await errorOf(await plain!.send({ [param]: value }))).toMatchObject({
        status: 400,
        param,
        code: "unsupported_parameter",
      });
    });
  });
}
