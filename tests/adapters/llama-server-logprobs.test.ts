// Logprobs of characters that have several tokens: an entry for each token, with its own bytes and its own probability.
import { describe, expect, test } from "bun:test";
import type { TokenLogprob } from "../../adapters/adapter.ts";
import { llamaServer } from "../../adapters/llama-server/adapter.ts";
import type { TokenEngine, TokenRequest } from "../../adapters/token-engine.ts";
import { startBareServer } from "../support/bare-server.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { WHOLE_TEXT, askTokens, tinyModel } from "../support/models.ts";
import { realModel } from "../support/real-model.ts";
import { fixedPrompts } from "../support/rendered-prompts.ts";

const { path, skip } = await realServer();
const adapter = llamaServer({ binary: () => path!, env: process.env, prompts: fixedPrompts().prompts });
const signal = (): AbortSignal => AbortSignal.timeout(60_000);

const TEXT = "a🦊 日😀b";
const SAYS: Partial<TokenRequest> = { grammar: `root ::= "${TEXT}"`, logprobs: { top: 2 }, max_tokens: 40 };

const generate = async (engine: TokenEngine, more: Partial<TokenRequest>) =>
  engine.generate(askTokens(await engine.tokenize!(["hello"], WHOLE_TEXT, signal()), more), signal());

const answerOf = async (engine: TokenEngine, more: Partial<TokenRequest>, choice?: number) => {
  const events = (await Array.fromAsync(await generate(engine, more))).filter((event) => event.choice === choice);
  const pieces = events.flatMap((event) => (event.type === "text" ? [event] : []));
  const [finish] = events.flatMap((event) => (event.type === "finish" ? [event] : []));
  const text = pieces.map((piece) => piece.text).join("");
  return { text, usage: finish!.usage, pieces, tokens: pieces.flatMap(({ logprobs }) => logprobs ?? []) };
};
const bytesOf = (tokens: TokenLogprob[]): string =>
  new TextDecoder().decode(Uint8Array.from(tokens.flatMap(({ bytes }) => bytes!)));

describe.skipIf(skip !== undefined)(`logprobs of llama-server${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  for (const [name, model, of_a_fox] of [
    // A token for each byte.
    ["tiny", tinyModel, [[0xf0], [0x9f], [0xa6], [0x8a]]],
    ["real", realModel, [[0xf0, 0x9f], [0xa6], [0x8a]]],
  ] as const)
    test(`have an entry for each token of the ${name} model, with its bytes`, async () => {
      const engine = await adapter.load(await model(), { slots: 1, context: 512, threads: 1 }, signal());
      const { text, usage, pieces, tokens } = await answerOf(engine, SAYS);
      expect(text).toBe(TEXT);
      // The end of the answer is a token, too, and no part of it.
      expect(tokens).toHaveLength(usage.completion_tokens - 1);
      expect(bytesOf(tokens)).toBe(TEXT);
      expect(tokens.slice(1, 1 + of_a_fox.length).map(({ bytes }) => bytes)).toEqual(of_a_fox as unknown as number[][]);
      for (const { logprob, top_logprobs } of tokens) {
        expect(logprob).toBeLessThanOrEqual(0);
        expect(top_logprobs).toHaveLength(2);
      }
      // Streamed: each piece has the tokens of its text, and no character is cut.
      for (const { text, logprobs } of pieces) expect(bytesOf(logprobs!)).toBe(text);
      await engine.close();
    });

  test("show rivals that are a part of a character, and give those no bytes that no text has anything of", async () => {
    const engine = await adapter.load(await tinyModel(), { slots: 1, context: 512, threads: 1 }, signal());
    // The whole vocabulary.
    const { tokens } = await answerOf(engine, { grammar: 'root ::= "x"', logprobs: { top: 268 } });
    const rivals = tokens[0]!.top_logprobs!;
    expect(rivals.find(({ bytes }) => bytes?.join() === "240")).toMatchObject({ token: "\ufffd" });
    expect(rivals.filter(({ token, bytes }) => bytes?.length === 0 || (token === "" && bytes !== null))).toEqual([]);
    expect(rivals.filter(({ bytes }) => bytes === null)).not.toEqual([]);
    await engine.close();
  });

  test("are those that llama-server has for these tokens", async () => {
    const model = await tinyModel();
    const [engine, bare] = await Promise.all([
      adapter.load(model, { slots: 1, context: 512, threads: 1 }, signal()),
      startBareServer(path!, model.path),
    ]);
    const { tokens } = await answerOf(engine, SAYS);
    const { tokens: prompt } = (await bare.post("/tokenize", { content: "hello", add_special: true })) as { tokens: number[] };
    // Bytes are tokens behind the three special ones; these two characters have tokens of their own.
    const WORDS: Record<number, number> = { 32: 259, 97: 264 };
    const ids = tokens.map(({ bytes }) => WORDS[bytes![0]!] ?? 3 + bytes![0]!);
    for (const [at, { logprob, top_logprobs }] of tokens.entries()) {
      const body = {
        prompt: [...prompt, ...ids.slice(0, at)],
        n_predict: 1,
        n_probs: 268,
        temperature: 0,
        grammar: "root ::= [ -~]",
      };
      const answer = (await bare.post("/completion", body)) as {
        completion_probabilities: { top_logprobs: { id: number; logprob: number }[] }[];
      };
      const ranked = answer.completion_probabilities[0]!.top_logprobs;
      expect(logprob).toBeCloseTo(ranked.find(({ id }) => id === ids[at])!.logprob, 1);
      expect(top_logprobs![0]!.logprob).toBeCloseTo(ranked[0]!.logprob, 1);
    }
    await Promise.all([engine.close(), bare.kill()]);
  });

  test("change no answer, nor what other slots hold; a conversation goes on in its slot", async () => {
    const engine = await adapter.load(await tinyModel(), { slots: 2, context: 512, threads: 1 }, signal());
    const { logprobs: _, ...bare } = SAYS;
    const sampled = { temperature: 1.5, seed: 7, max_tokens: 60, repeatable: false };
    const plain = await answerOf(engine, sampled);
    const both = await Promise.all([
      answerOf(engine, { ...sampled, logprobs: { top: 1 } }),
      answerOf(engine, SAYS),
      answerOf(engine, bare),
    ]);
    expect(both.map(({ text }) => text)).toEqual([plain.text, TEXT, TEXT]);
    const { usage } = await answerOf(engine, { ...SAYS, repeatable: false });
    expect(usage.cached_tokens).toBeGreaterThan(1);
    await engine.close();
  });

  test("are whole for several answers, each asked for in its own slot", async () => {
    const engine = await adapter.load(await tinyModel(), { slots: 3, context: 512, threads: 1 }, signal());
    const alone = await answerOf(engine, SAYS);
    for (const choice of [0, 1]) {
      const { text, tokens } = await answerOf(engine, { ...SAYS, choices: 2 }, choice);
      expect([text, bytesOf(tokens)]).toEqual([TEXT, TEXT]);
      expect(tokens.map(({ bytes }) => bytes)).toEqual(alone.tokens.map(({ bytes }) => bytes));
      for (const [at, { logprob }] of tokens.entries()) expect(logprob).toBeCloseTo(alone.tokens[at]!.logprob, 1);
    }
    await engine.close();
  });

  test("end with a stop string, and with a client that leaves", async () => {
    const engine = await adapter.load(await tinyModel(), { slots: 1, context: 512, threads: 1 }, signal());
    const stopped = await answerOf(engine, { ...SAYS, stop: ["😀"] });
    expect([stopped.text, bytesOf(stopped.tokens)]).toEqual([TEXT.slice(0, 5), TEXT.slice(0, 5)]);
    for await (const event of await generate(engine, SAYS)) if (event.type === "text") break;
    expect((await answerOf(engine, SAYS)).text).toBe(TEXT);
    await engine.close();
  });
});
