// What repeatable requests reuse on a llama-server, and that they are answered as without it, to the last bit: with the real one and a tiny model.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { llamaServer } from "../../adapters/llama-server/adapter.ts";
import type { TokenEngine, TokenRequest } from "../../adapters/token-engine.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { askTokens, tinyModel } from "../support/models.ts";
import { fixedPrompts } from "../support/rendered-prompts.ts";
import { answerOf, answersOf, bytePrompt, byteTokens, type TokenAnswer } from "../support/token-answers.ts";

const { path, skip } = await realServer();
const adapter = llamaServer({ binary: () => path!, env: process.env, prompts: fixedPrompts().prompts });
const never = new AbortController().signal;

const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name} ${i} of ${i * 7}. `).join("");
const FIRST = bytePrompt(lines("Line", 150)).slice(0, 2_200);
const OTHER = bytePrompt(lines("Word", 60));
const repeatable = (prompt: readonly number[], more: Partial<TokenRequest> = {}): TokenRequest =>
  askTokens(prompt, { max_tokens: 16, logprobs: { top: 3 }, ...more });

/** What an answer says, and the numbers that it was drawn from. */
const said = ({ text, logprobs }: TokenAnswer) => ({ text, logprobs });
const cached = ({ finish }: TokenAnswer): number => finish.usage.cached_tokens;

describe.skipIf(skip !== undefined)(
  `repeatable requests to llama-server${skip === undefined ? "" : ` (skipped: ${skip})`}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "ingle-server-reuse-"));
    let model: InstalledModel;
    let engine: TokenEngine;
    /** Reads all that it is asked. */
    let forgetful: TokenEngine;
    /** The second turn behind the first one and its answer. */
    let second: number[];
    const open = (slots: number, saves = false): Promise<TokenEngine> => {
      const kv_cache = { folder, bytes: 1e9 };
      return adapter.load(model, { slots, context: 4096, threads: 1, ...(saves && { kv_cache }) }, never);
    };
    const fresh = (request: TokenRequest, on = forgetful): Promise<TokenAnswer> =>
      answerOf(on, { ...request, cache_prompt: false });

    /** Asks for the answer that there is without any reuse. Resolves with the count of reused tokens. */
    const expectFresh = async (request: TokenRequest, on = engine, other = forgetful): Promise<number> => {
      const answer = await answerOf(on, request);
      expect(said(answer)).toEqual(said(await fresh(request, other)));
      return cached(answer);
    };

    beforeAll(async () => {
      model = await tinyModel({ context_length: 4096 });
      [engine, forgetful] = await Promise.all([open(1), open(1)]);
      const { text } = await fresh(repeatable(FIRST));
      second = [...FIRST, ...byteTokens(`${text} ${lines("And", 30)}`)];
    });
    afterAll(async () => {
      await Promise.all([engine.close(), forgetful.close()]);
      rmSync(folder, { recursive: true });
    });

    test("reuse the whole batches of 512 tokens that the prompt has in common with the slot", async () => {
      expect(await expectFresh(repeatable(FIRST))).toBe(0);
      expect(await expectFresh(repeatable(FIRST))).toBe(2048);
      expect(await expectFresh(repeatable(second))).toBe(2048);
      expect(await expectFresh(repeatable(second, { temperature: 1, seed: 7 }))).toBe(2560);
      // The last batch of a prompt is read again, as its last token may have been, by itself.
      for (const [length, reused] of [
        [2048, 1536],
        [1300, 1024],
        [600, 512],
        [500, 0],
      ] as const)
        expect([length, await expectFresh(repeatable(second.slice(0, length)))]).toEqual([length, reused]);
    });

    test("reuse nothing of what others have read behind an answer or from amid a batch", async () => {
      await answerOf(engine, repeatable(FIRST));
      await answerOf(engine, repeatable(second, { repeatable: false }));
      expect(await expectFresh(repeatable(second))).toBe(2048);
      await answerOf(engine, repeatable(second.slice(0, 700), { cache_prompt: false }));
      await answerOf(engine, repeatable(second, { repeatable: false }));
      expect(await expectFresh(repeatable(second))).toBe(512);
    });

    test("reuse all of the phase before, whose beginning may be whole batches", async () => {
      const phases = async (more: Partial<TokenRequest>) => {
        const first = await answerOf(engine, repeatable(FIRST, more));
        const prompt = [...FIRST, ...byteTokens(`${first.text}{`)];
        const last = await answerOf(engine, repeatable(prompt, { ...more, continues: first.finish.slot }));
        return { said: [first, last].map(said), cached: [first, last].map(cached) };
      };
      const anew = await phases({ cache_prompt: false });
      await answerOf(engine, repeatable(second));
      const again = await phases({});
      expect(again.said).toEqual(anew.said);
      expect([anew.cached[0], again.cached[0]]).toEqual([0, 2048]);
      expect(again.cached[1]).toBe(anew.cached[1]!);
      expect(again.cached[1]).toBeGreaterThanOrEqual(FIRST.length);
    });

    test("reuse whole batches of a saved state, also after a restart", async () => {
      let saving = await open(1, true);
      await answerOf(saving, repeatable(FIRST));
      await answerOf(saving, repeatable(OTHER));
      expect(await expectFresh(repeatable(second), saving)).toBe(2048);
      await answerOf(saving, repeatable(OTHER));
      await saving.close();
      saving = await open(1, true);
      expect(await expectFresh(repeatable(second), saving)).toBe(2560);
      await saving.close();
    });

    test("reuse nothing that was read beside another one, and several answers are those of a prompt that is read anew", async () => {
      // Three slots divide no batch of 512: theirs have 510 tokens.
      const [several, other] = await Promise.all([open(3), open(3)]);
      const stop = new AbortController();
      const request = repeatable(OTHER, { max_tokens: 3_000, samplers: { ignore_eos: true } });
      const others = several.generate(request, stop.signal)[Symbol.asyncIterator]();
      while ((await others.next()).value.type !== "text");
      await answerOf(several, repeatable(FIRST));
      expect((await others.next()).value.type).toBe("text");
      stop.abort();
      expect(await others.next().catch(() => "gone")).toBe("gone");
      expect(await expectFresh(repeatable(FIRST), several, other)).toBe(0);
      expect(await expectFresh(repeatable(FIRST), several, other)).toBe(2040);

      const two = repeatable(FIRST, { temperature: 1, choices: 2 });
      const anew = await answersOf(several, { ...two, cache_prompt: false });
      const again = await answersOf(several, two);
      expect([again.map(said), again.map(cached)]).toEqual([anew.map(said), [2040, 2040]]);
      expect(await expectFresh(repeatable(second), several, other)).toBe(2040);
      await Promise.all([several.close(), other.close()]);
    });
  },
);
