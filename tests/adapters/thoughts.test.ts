// Thoughts of the real model, end to end, under a template that has them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { ChatEvent, ChatMessage, ChatRequest, Engine } from "../../adapters/adapter.ts";
import { ask } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { startPrompts } from "../support/prompts.ts";
import { realModelWith } from "../support/real-model.ts";

const TEMPLATE =
  "{% for m in messages %}<|im_start|>{{m.role}}\n{% if m.reasoning_content %}<think>\n{{m.reasoning_content}}\n</think>\n\n" +
  "{% endif %}{{m.content}}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n" +
  "{% if enable_thinking %}<think>\n{% else %}<think>\n\n</think>\n\n{% endif %}{% endif %}";

/** Of such a history the model takes over that it thinks first. */
const HISTORY: ChatMessage[] = ["red and blue", "yellow and blue"].flatMap((colours, i): ChatMessage[] => [
  { role: "user", content: `Mix ${colours}.` },
  { role: "assistant", content: ["Purple.", "Green."][i]!, reasoning_content: `They ask me to mix ${colours}.` },
]);
const QUESTION: ChatMessage = { role: "user", content: "Mix red and yellow." };

const prompts = startPrompts();
afterAll(() => prompts.close());
const ENGINES = await nativeEngines(prompts);

for (const [name, adapter, skip] of ENGINES) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    let engine: Engine;
    let folder: string;
    beforeAll(async () => {
      const model = await realModelWith(TEMPLATE);
      folder = model.folder;
      engine = await adapter.load(model, { slots: 1, context: 1024, threads: 1 }, new AbortController().signal);
    });
    afterAll(async () => {
      await engine.close();
      rmSync(folder, { recursive: true });
    });

    const chat = async (more: Partial<ChatRequest> = {}, begun: Partial<ChatMessage>[] = []) => {
      const events: ChatEvent[] = [];
      const answer = begun.map((message): ChatMessage => ({ role: "assistant", content: "", ...message }));
      const request = ask([...HISTORY, QUESTION, ...answer], { max_tokens: 40, ...more });
      for await (const event of engine.chat(request, new AbortController().signal)) events.push(event);
      const said = (type: string) =>
        events.flatMap((event) => (event.type === type && "text" in event ? event.text : "")).join("");
      const { reason, usage } = events.at(-1) as Extract<ChatEvent, { type: "finish" }>;
      return { thoughts: said("reasoning"), text: said("text"), reason, usage, events };
    };
    let usual: Awaited<ReturnType<typeof chat>>;
    beforeAll(async () => {
      usual = await chat();
    });

    test("are apart from the text, and come in pieces", () => {
      const { thoughts, text, reason, usage, events } = usual;
      expect([thoughts, text, reason]).toEqual([
        expect.stringMatching(/^They ask .*\.$/),
        expect.stringMatching(/^\w[^<]*$/),
        "stop",
      ]);
      expect(events.filter(({ type }) => type === "reasoning").length).toBeGreaterThan(4);
      expect(usage.reasoning_tokens).toBeGreaterThan(4);
      expect(usage.completion_tokens).toBeGreaterThan(usage.reasoning_tokens! + 1);
    });

    test("end with their budget, and the answer goes on", async () => {
      const { thoughts, text, usage } = await chat({ reasoning_budget: 4 });
      expect(usual.thoughts).toStartWith(thoughts);
      expect(thoughts.length).toBeWithin(1, usual.thoughts.length);
      expect([usage.reasoning_tokens, usage.prompt_tokens]).toEqual([4, usual.usage.prompt_tokens]);
      expect(text).toMatch(/^\w[^<]*$/);
      const roomy = await chat({ reasoning_budget: 30 });
      expect([roomy.thoughts, roomy.text]).toEqual([usual.thoughts, usual.text]);
    });

    test("are none with a budget of none, as with the switch of the template", async () => {
      const [ended, off] = [
        await chat({ reasoning_budget: 0, max_tokens: 8 }),
        await chat({ reasoning_budget: 0, max_tokens: 8, chat_template_kwargs: { enable_thinking: false } }),
      ];
      expect([ended.thoughts, off.thoughts, ended.usage.reasoning_tokens]).toEqual(["", "", 0]);
      expect(off.text).toMatch(/^\w/);
      expect(ended.text).toBe(off.text);
    });

    test("have no logprobs, nor has what is around them", async () => {
      const { text, events } = await chat({ logprobs: { top: 0 } });
      const logprobs = events.flatMap((event) => ("logprobs" in event ? (event.logprobs ?? []) : []));
      expect(logprobs.map(({ token }) => token).join("")).toBe(text);
    });

    test("may take the whole answer", async () => {
      const { thoughts, text, reason, usage } = await chat({ max_tokens: 3 });
      expect([text, reason, usage.reasoning_tokens]).toEqual(["", "length", 3]);
      expect(usual.thoughts).toStartWith(thoughts);
    });

    test("are not ended by what ends a text", async () => {
      const within = await chat({ stop: ["ask"] });
      expect([within.thoughts, within.text]).toEqual([usual.thoughts, usual.text]);
      const after = await chat({ stop: [usual.text.slice(0, 2)] });
      expect([after.thoughts, after.text, after.reason]).toEqual([usual.thoughts, "", "stop"]);
    });

    test("go on where the request begins them, and have ended where it begins a text", async () => {
      const { thoughts, text } = await chat({}, [{ reasoning_content: "They ask me to" }]);
      expect(thoughts).toMatch(/^ mix .*\.$/);
      expect(text).toMatch(/^\w/);
      const spoken = await chat({}, [{ reasoning_content: usual.thoughts, content: usual.text.slice(0, -1) }]);
      expect([spoken.thoughts, spoken.text]).toEqual(["", usual.text.slice(-1)]);
    });
  });
}
