// Answers that are weighed by the native engines: by hand of a model whose logits are known, and with random and real weights by both alike.
import { afterAll, describe, expect, test } from "bun:test";
import type { Adapter, Engine, WeighRequest } from "../../adapters/adapter.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { forcedModel } from "../support/forced-gguf.ts";
import { PLAIN_TEMPLATE, tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { startPrompts } from "../support/prompts.ts";
import { realModel } from "../support/real-model.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());
const engines = await nativeEngines(prompts);

async function probabilitiesOf(engine: Engine, questions: WeighRequest["questions"]): Promise<(readonly number[])[]> {
  const request = { messages: [{ role: "user" as const, content: "The text. " }], cache_scope: "", questions };
  const events = await Array.fromAsync(engine.weigh!(request, AbortSignal.timeout(60_000)));
  return events.flatMap((event) => (event.type === "answer" ? [event.probabilities] : []));
}

async function withEngine<T>(adapter: Adapter, model: InstalledModel, use: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await adapter.load(model, { slots: 1, context: 1024, threads: 1 }, AbortSignal.timeout(60_000));
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

for (const [name, adapter, skip] of engines)
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    test("gives the probabilities that its logits say", async () => {
      const model = await forcedModel({ "?": { a: 1, b: 3 }, a: { b: 0.5, c: -0.5, d: -3 } }, PLAIN_TEMPLATE);
      const questions = [
        { content: "Which?", answers: ["abx", "b", "acx", "ad"] },
        { content: "And now?", answers: ["bye", "abc"] },
      ];
      const [first, second] = await withEngine(adapter, model, (engine) => probabilitiesOf(engine, questions));
      const [a, b] = [Math.exp(1), Math.exp(3)].map((one, _, all) => one / (all[0]! + all[1]!)) as [number, number];
      const [ab, ac, ad] = [0.5, -0.5, -3].map(Math.exp) as [number, number, number];
      const behind_a = ab + ac + ad;
      const expected = [(a * ab) / behind_a, b, (a * ac) / behind_a, (a * ad) / behind_a];
      for (const [i, one] of expected.entries()) expect(first![i]).toBeCloseTo(one, 5);
      for (const [i, one] of [b, a].entries()) expect(second![i]).toBeCloseTo(one, 5);
    });
  });

describe.skipIf(engines.some(([, , skip]) => skip !== undefined))("both native engines", () => {
  const QUESTIONS = [
    { content: "Is that so?", answers: ["Yes", "No"] },
    {
      content: "Which one?",
      answers: ["red", "blue", "blueish", "日本", "中国", "été", "😀", "😢"].map((one) => JSON.stringify(one)),
    },
    { content: "How many?", answers: Array.from({ length: 255 }, (_, i) => `"${i + 1}"`) },
  ];

  test("give the same probabilities with random weights", async () => {
    const model = await tinyModel({ context_length: 1024 });
    const [one, other] = await Promise.all(
      engines.map(([, adapter]) => withEngine(adapter, model, (engine) => probabilitiesOf(engine, QUESTIONS))),
    );
    expectAlike(one!, other!, 1e-5);
  });

  // Its weights are quantised, and the engines are different builds.
  test("give much the same probabilities with real weights", async () => {
    const model = await realModel();
    const [one, other] = await Promise.all(
      engines.map(([, adapter]) => withEngine(adapter, model, (engine) => probabilitiesOf(engine, QUESTIONS))),
    );
    expectAlike(one!, other!, 0.05);
  });
});

function expectAlike(one: (readonly number[])[], other: (readonly number[])[], difference: number): void {
  for (const [question, probabilities] of one.entries()) {
    expect(probabilities.reduce((sum, each) => sum + each)).toBeCloseTo(1, 5);
    for (const [i, each] of probabilities.entries()) expect(Math.abs(each - other[question]![i]!)).toBeLessThan(difference);
  }
}
