// Several answers to one request, on the engines that give them: a tiny model behind the whole API.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { templateFacts } from "../../models/gguf/template-facts.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { framesOf } from "../support/frames.ts";
import { seriesOf, turnsOf } from "../support/metrics.ts";
import { PLAIN_TEMPLATE, tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { startPrompts } from "../support/prompts.ts";
import { eventually } from "../support/server.ts";

const TINY = makeModel("tiny", templateFacts(PLAIN_TEMPLATE));
const SLOTS = 2;
const prompts = startPrompts();
afterAll(() => prompts.close());
const ENGINES = await nativeEngines(prompts);

for (const [name, adapter, skip] of ENGINES) {
  const skips = skip !== undefined || !adapter.capabilities(TINY).includes("choices");
  describe.skipIf(skips)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    let app: ReturnType<typeof makeApp>;
    beforeAll(() => {
      const resolve = () => tinyModel({ template: PLAIN_TEMPLATE, context_length: 512 });
      app = makeApp({ adapter, models: [TINY], pool: { slots: SLOTS, context: 512, resolve } });
    });
    afterAll(() => app.pool.close(0));
    const HOT = { max_tokens: 6, temperature: 1.5, ignore_eos: true, seed: 7 };
    const chat = async (fields: object) => (await app.chat({ ...HOT, ...fields })).json() as Promise<any>;
    const busy = () => seriesOf(app.pool.metrics(["tiny"]))['ingle_slots_busy{model="tiny"}'];

    test("more of them than there are slots are one request, and the usage has all of them", async () => {
      const one = await chat({});
      const before = turnsOf(app.pool.metrics(["tiny"])).ok!;
      const { choices, usage } = await chat({ n: 5 });
      expect(choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3, 4]);
      const texts = choices.map(({ message }: any) => message.content);
      expect([texts[0], new Set(texts).size > 1]).toEqual([one.choices[0].message.content, true]);
      expect(choices.map(({ finish_reason }: any) => finish_reason)).toEqual(Array(5).fill("length"));
      expect([usage.prompt_tokens, usage.completion_tokens]).toEqual([one.usage.prompt_tokens, 30]);
      expect([turnsOf(app.pool.metrics(["tiny"])).ok, busy()]).toEqual([before + 1, 0]);
      expect((await chat({ n: 5 })).choices.map(({ message }: any) => message.content)).toEqual(texts);
    });

    test("a stream has the same texts, each under its index", async () => {
      const { choices } = await chat({ n: 3 });
      const { data, done } = await framesOf(await app.chat({ ...HOT, n: 3, stream: true }));
      const texts = ["", "", ""];
      for (const { choices } of data) for (const { index, delta } of choices) texts[index] += delta.content ?? "";
      expect([texts, done]).toEqual([choices.map(({ message }: any) => message.content), true]);
    });

    test("a client that leaves amid them frees every slot", async () => {
      const client = new AbortController();
      const res = await app.chat({ ...HOT, max_tokens: 400, n: 8, stream: true }, { signal: client.signal });
      const reader = res.body!.getReader();
      await reader.read();
      expect(busy()).toBe(SLOTS);
      client.abort();
      await reader.cancel().catch(() => {});
      await eventually("the slots are free", () => busy() === 0);
      expect((await chat({})).choices).toHaveLength(1);
    });
  });
}
