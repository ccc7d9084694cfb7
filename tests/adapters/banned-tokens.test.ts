// Tokens that `logit_bias` bans, on both native engines: none of them comes, unless a grammar leaves nothing else.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { llamaServer } from "../../adapters/llama-server/adapter.ts";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import type { TokenEngine, TokenRequest } from "../../adapters/token-engine.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { askTokens, tinyModel } from "../support/models.ts";
import { fixedPrompts } from "../support/rendered-prompts.ts";
import { answerOf, bytePrompt, byteTokens } from "../support/token-answers.ts";

const { path, skip } = await realServer();
const signal = (): AbortSignal => AbortSignal.timeout(60_000);
const VOCABULARY = 268;
const END = 2;

const ENGINES: [name: string, load: () => Promise<TokenEngine>, skip: string | undefined][] = [
  ["the embedded engine", async () => nodeLlamaCpp().load(await tinyModel(), { slots: 2, context: 512 }, signal()), undefined],
  [
    "llama-server",
    async () => {
      const adapter = llamaServer({ binary: () => path!, env: process.env, prompts: fixedPrompts().prompts });
      return adapter.load(await tinyModel(), { slots: 1, context: 512, threads: 1 }, signal());
    },
    skip,
  ],
];
const banned = (text: string, ...more: number[]): Record<string, number> =>
  Object.fromEntries([...byteTokens(text), ...more].map((token) => [token, -100]));

for (const [name, load, skip] of ENGINES) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    let engine: TokenEngine;
    beforeAll(async () => {
      engine = await load();
    });
    afterAll(() => engine?.close());
    const ask = async (more: Partial<TokenRequest>) => {
      const { text, finish } = await answerOf(engine, askTokens(bytePrompt("hello"), { max_tokens: 8, ...more }));
      return { text, reason: finish.reason };
    };

    test.each([
      ["a text that another one can take the place of", 'root ::= "xy" | "uv"', banned("x"), "uv"],
      ["a character that another one can take the place of", "root ::= [xy] [xy] [xy]", banned("x"), "yyy"],
      ["what may be left out", 'root ::= "x" "z"?', banned("z"), "x"],
      ["all that the grammar permits", 'root ::= "xy"', banned("xy", END), "xy"],
      ["one of two, of which the grammar permits the other later", 'root ::= ("x" | "y" "y") "z"', banned("xz"), "yyz"],
      ["the end, where the grammar leaves nothing else", 'root ::= "xy"', banned("", END), "xy"],
      ["the end, where the grammar leaves more", 'root ::= "x" "y"? "y"?', banned("", END), "xyy"],
    ])("%s", async (_, grammar, logit_bias, text) => {
      for (const temperature of [0, 1]) expect(await ask({ grammar, logit_bias, temperature })).toEqual({ text, reason: "stop" });
    });

    test("a text that is free has none of them", async () => {
      const { text } = await ask({ max_tokens: 1 });
      expect((await ask({ max_tokens: 1, logit_bias: banned(text) })).text).not.toBe(text);
      const all_but_x = Object.fromEntries(
        Array.from({ length: VOCABULARY }, (_, token) => [token, -100]).filter(([token]) => token !== byteTokens("x")[0]),
      );
      expect(await ask({ logit_bias: all_but_x, temperature: 1 })).toEqual({ text: "xxxxxxxx", reason: "length" });
    });

    test("a bias that bans everything is refused, and the next one works", async () => {
      const logit_bias = Object.fromEntries(Array.from({ length: VOCABULARY }, (_, token) => [token, -100]));
      for (const more of [{}, { temperature: 1 }, { grammar: 'root ::= "a"' }])
        await expect(ask({ logit_bias, ...more })).rejects.toMatchObject({ code: "request_refused", param: "logit_bias" });
      expect((await ask({})).text).not.toBe("");
    });
  });
}
