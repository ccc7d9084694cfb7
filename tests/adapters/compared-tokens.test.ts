// How likely some tokens are behind a prompt, on both native engines: of a model whose logits are known, and of one with random weights.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import { llamaServer } from "../../adapters/llama-server/adapter.ts";
import type { TokenAdapter, TokenEngine } from "../../adapters/token-engine.ts";
import { forcedModel } from "../support/forced-gguf.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { askTokens, PLAIN_TEMPLATE, tinyModel } from "../support/models.ts";
import { fixedPrompts } from "../support/rendered-prompts.ts";
import { answerOf, bytePrompt, byteTokens } from "../support/token-answers.ts";

const never = new AbortController().signal;
const { path, skip } = await realServer();
const ADAPTERS: [TokenAdapter, string | undefined][] = [
  [nodeLlamaCpp(), undefined],
  [llamaServer({ binary: () => path!, env: process.env, prompts: fixedPrompts().prompts }), skip],
];

/** Among the tokens of these characters. */
async function oddsBehind(engine: TokenEngine, prompt: string, tokens: number[], continues?: number) {
  const more = { max_tokens: 1, compared: tokens, ...(continues !== undefined && { continues }) };
  const { finish } = await answerOf(engine, askTokens(bytePrompt(prompt), more));
  expect(finish.odds!.reduce((sum, one) => sum + one)).toBeCloseTo(1, 6);
  return finish;
}

for (const [adapter, skip] of ADAPTERS)
  describe.skipIf(skip !== undefined)(`${adapter.name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    let engine: TokenEngine;
    beforeAll(async () => {
      const logits = { "?": { a: 1, b: 3, c: -2, "\u0080": 2 }, a: { a: -90, b: 0.5, c: -95 }, x: { a: -150, b: -151 } };
      engine = await adapter.load(await forcedModel(logits, PLAIN_TEMPLATE), { slots: 1, context: 512, threads: 1 }, never);
    });
    afterAll(() => engine.close());

    test("tells the odds of some tokens from their logits alone", async () => {
      const { odds, usage } = await oddsBehind(engine, "hello?", byteTokens("abc"));
      const [a, b, c] = [Math.exp(1), Math.exp(3), Math.exp(-2)];
      for (const [i, one] of [a, b, c].entries()) expect(odds![i]).toBeCloseTo(one / (a + b + c), 5);
      expect(usage.prompt_tokens).toBe("hello?".length + 1);
    });

    test("in the order in which they were asked for", async () => {
      const [[b, a], [one, other]] = [[3, 1], (await oddsBehind(engine, "hello?", byteTokens("ba"))).odds!];
      expect(one! / other!).toBeCloseTo(Math.exp(b! - a!), 3);
    });

    test("of tokens that are far less likely than others as well", async () => {
      const [one, other] = (await oddsBehind(engine, "aa", byteTokens("ac"))).odds!;
      expect(one! / other!).toBeCloseTo(Math.exp(5), 1);
      const [first, second] = (await oddsBehind(engine, "ax", byteTokens("ab"))).odds!;
      expect(first! / second!).toBeCloseTo(Math.E, 3);
    });

    test("of tokens that are parts of characters", async () => {
      // The beginnings of "é" and of "日", which are no text by themselves, and as likely as each other.
      const { odds } = await oddsBehind(engine, "hello?", [0xc3 + 3, 0xe6 + 3]);
      expect(odds).toEqual([0.5, 0.5]);
    });

    test("goes on in the slot of the one before", async () => {
      const { slot } = await oddsBehind(engine, "what is that thing?", byteTokens("ab"));
      const { usage } = await oddsBehind(engine, "what is that thing?a", byteTokens("ab"), slot);
      expect(usage.cached_tokens).toBe("what is that thing?".length + 1);
    });
  });

test.skipIf(skip !== undefined)("both engines find the same odds with random weights", async () => {
  const [one, other] = await Promise.all(
    ADAPTERS.map(async ([adapter]) => {
      const engine = await adapter.load(await tinyModel(), { slots: 1, context: 512, threads: 1 }, never);
      const { odds } = await oddsBehind(
        engine,
        "hello world, which is it",
        Array.from({ length: 255 }, (_, i) => i + 4),
      );
      await engine.close();
      return odds!;
    }),
  );
  for (const [i, odds] of one!.entries()) expect(Math.abs(odds - other![i]!)).toBeLessThan(1e-6);
});
