// A completion around a gap: models with tokens for that get both sides of it, in llama.cpp's order.
import { afterAll, describe, expect, test } from "bun:test";
import type { AdapterError, Engine } from "../../adapters/adapter.ts";
import { pair, u32, VALUE } from "../../models/gguf/writer.ts";
import { collectCompletion } from "../support/collect.ts";
import { askCompletion, tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { startPrompts } from "../support/prompts.ts";

const [START, PREFIX, SUFFIX, MIDDLE] = [1, 262, 263, 264];
const FILL_IN = Object.entries({ fim_pre: PREFIX, fim_suf: SUFFIX, fim_mid: MIDDLE }).map(([name, token]) =>
  pair(`tokenizer.ggml.${name}_token_id`, VALUE.u32, u32(token)),
);
const PART = { add_special: false, parse_special: false };

const prompts = startPrompts();
afterAll(() => prompts.close());
const signal = (): AbortSignal => AbortSignal.timeout(60_000);

for (const [name, adapter, skip] of await nativeEngines(prompts)) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    const withEngine = async (keys: Uint8Array[], use: (engine: Engine) => Promise<void>): Promise<void> => {
      const engine = await adapter.load(await tinyModel({ keys }), { slots: 1, context: 256, threads: 1 }, signal());
      await use(engine).finally(engine.close);
    };
    const complete = (engine: Engine, ...asked: Parameters<typeof askCompletion>) =>
      collectCompletion(engine.complete!(askCompletion(...asked), signal()));

    test("the prompt is what is before the gap, and the suffix what is behind it", () =>
      withEngine(FILL_IN, async (engine) => {
        for (const [before, behind] of [
          ["def add(", "return a + b"],
          ["", "b"],
          ["a <s> b", "</s> c"],
        ] as const) {
          const [front, back] = [await engine.tokenize!(before, PART, signal()), await engine.tokenize!(behind, PART, signal())];
          const tokens = [START, PREFIX, ...front, SUFFIX, ...back, MIDDLE];
          const filled = await complete(engine, before, { suffix: behind });
          const expected = await complete(engine, tokens);
          expect([filled.text, filled.usage.prompt_tokens]).toEqual([expected.text, tokens.length]);
          if (before === "") continue;
          expect((await complete(engine, front, { suffix: behind })).text).toBe(expected.text);
        }
      }));

    test("a model without such tokens has no gap", () =>
      withEngine([], async (engine) => {
        const error = (await complete(engine, "a", { suffix: "b" }).catch((error: unknown) => error)) as AdapterError;
        expect([error.code, error.param]).toEqual(["request_unsupported", "suffix"]);
      }));
  });
}
