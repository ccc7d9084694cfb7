// Several answers to one prompt, and prompts that several slots share, on the embedded engine.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import type { TokenEngine, TokenEvent, TokenRequest } from "../../adapters/token-engine.ts";
import { askTokens, tinyModel } from "../support/models.ts";
import { answerOf, answersOf, bytePrompt } from "../support/token-answers.ts";

const never = new AbortController().signal;
const SLOTS = 3;
let engine: TokenEngine;
beforeAll(async () => {
  engine = await nodeLlamaCpp().load(await tinyModel({ context_length: 1536 }), { slots: SLOTS, context: 1536 }, never);
});
afterAll(() => engine.close());
const hot = (more: Partial<TokenRequest> = {}) =>
  askTokens(bytePrompt("hello world, "), { max_tokens: 20, temperature: 1.5, seed: 40, ...more });

describe("choices", () => {
  test("are what their seeds give alone, as many as there are slots", async () => {
    for (const choices of [2, SLOTS]) {
      const answers = await answersOf(engine, hot({ choices }));
      for (const [i, { text }] of answers.entries()) expect(text).toBe((await answerOf(engine, hot({ seed: 40 + i }))).text);
      expect(new Set(answers.map(({ text }) => text)).size).toBe(choices);
      expect(new Set(answers.map(({ finish }) => finish.slot)).size).toBe(choices);
    }
  });

  test("of a prompt that is longer than a batch are right as well", async () => {
    const long = hot({ prompt: bytePrompt("ab ".repeat(220)), max_tokens: 8 });
    const answers = await answersOf(engine, { ...long, choices: 2 });
    for (const [i, { text }] of answers.entries()) expect(text).toBe((await answerOf(engine, { ...long, seed: 40 + i })).text);
  });

  test("count the prompt, and what was cached of it, each, and their own answer", async () => {
    const prompt = bytePrompt("hello world, ");
    const request = { choices: 2, max_tokens: 5, repeatable: false };
    await answersOf(engine, hot(request));
    const usage = { prompt_tokens: prompt.length, completion_tokens: 5, cached_tokens: prompt.length - 1 };
    expect((await answersOf(engine, hot(request))).map(({ finish }) => finish.usage)).toEqual([usage, usage]);
  });

  test("end each by themselves, one by its stop string, one by its length", async () => {
    const [first, second] = await answersOf(engine, hot({ choices: 2 }));
    const stop = first!.text.slice(3, 6);
    expect(second!.text).not.toContain(stop);
    const [cut, whole] = await answersOf(engine, hot({ choices: 2, stop: [stop] }));
    expect(cut).toMatchObject({ text: first!.text.slice(0, 3), finish: { reason: "stop", stopped_by: stop } });
    expect(whole).toMatchObject({ text: second!.text, finish: { reason: "length" } });
  });

  test("are cut after one token each, which all draw from the same logits", async () => {
    const answers = await answersOf(engine, hot({ choices: SLOTS, max_tokens: 1 }));
    expect(answers.map(({ finish }) => finish.usage.completion_tokens)).toEqual([1, 1, 1]);
  });

  test("have their own logprobs, and say which one an event is of", async () => {
    const events: TokenEvent[] = [];
    for await (const event of engine.generate(hot({ choices: 2, logprobs: { top: 2 }, report_tokens: true }), never))
      events.push(event);
    for (const choice of [0, 1]) {
      const own = events.filter((event) => event.choice === choice);
      expect(own.filter(({ type }) => type === "finish")).toHaveLength(1);
      const counts = own.flatMap((event) => (event.type === "text" ? [event.count!] : []));
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
      expect(counts.at(-1)!).toBeLessThanOrEqual(20);
    }
    expect(events.every(({ choice }) => choice !== undefined)).toBe(true);
  });

  test("leave with their request, and give their slots back", async () => {
    for await (const event of engine.generate(hot({ choices: SLOTS, max_tokens: 500 }), never)) if (event.type === "text") break;
    const texts = await Promise.all(Array.from({ length: SLOTS }, () => answerOf(engine, hot())));
    expect(texts).toHaveLength(SLOTS);
  });

  test("beyond the slots are refused", async () => {
    await expect(answersOf(engine, hot({ choices: SLOTS + 1 }))).rejects.toMatchObject({ code: "request_refused", param: "n" });
  });
});

describe("what another slot has read", () => {
  test("is copied, and the answer is that of a prompt read anew", async () => {
    const shared = "the world hello ".repeat(40);
    const greedy = (text: string, more: Partial<TokenRequest> = {}) =>
      answerOf(engine, askTokens(bytePrompt(shared + text), { max_tokens: 24, repeatable: false, ...more }));
    await greedy("one");
    const tail = "x".repeat(700);
    const copied = await greedy(`${tail} two`);
    expect(copied.finish.usage.cached_tokens).toBeGreaterThan(600);
    const anew = await greedy(`${tail} two`, { cache_prompt: false });
    expect([anew.finish.usage.cached_tokens, anew.text]).toEqual([0, copied.text]);
  });

  test("goes on from a finished generation of the same request", async () => {
    const first = await answerOf(engine, askTokens(bytePrompt("hello"), { max_tokens: 12, grammar: "root ::= [a-z]+" }));
    const prompt = bytePrompt(`hello${first.text} and`);
    const next = await answerOf(engine, askTokens(prompt, { max_tokens: 4, continues: first.finish.slot }));
    expect(next.finish).toMatchObject({ slot: first.finish.slot });
    expect(next.finish.usage.cached_tokens).toBeGreaterThan(4);
    expect((await answerOf(engine, askTokens(prompt, { max_tokens: 4 }))).finish.usage.cached_tokens).toBe(0);
  });
});
