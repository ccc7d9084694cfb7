// What every adapter must do that weighs answers to questions: a part of adapter-suite.ts.
import { describe, expect, test } from "bun:test";
import type { Engine, WeighedQuestion, WeighEvent, WeighRequest } from "../adapters/adapter.ts";
import type { Subject } from "./adapter-suite.ts";

const YES_OR_NO: WeighedQuestion = { content: "Is it so?", answers: ["Yes", "No"] };
const WHICH: WeighedQuestion = {
  content: "Which one is it?",
  answers: ["red", "green", "greenish-blue", "true"].map((one) => JSON.stringify(one)),
};

export function decisionSuite({ prompt, prompt_tokens, samples }: Subject, engine: () => Engine): void {
  const weigh = (questions: WeighedQuestion[], more: Partial<WeighRequest> = {}, signal = new AbortController().signal) =>
    engine().weigh!({ messages: [{ role: "user", content: prompt }], cache_scope: "", questions, ...more }, signal);
  const finishOf = (events: WeighEvent[]) => events.at(-1) as Extract<WeighEvent, { type: "finish" }>;

  describe("decisions", () => {
    test("answers to questions are weighed, in the order of the questions", async () => {
      const questions = [YES_OR_NO, WHICH];
      const events = await Array.fromAsync(weigh(questions));
      expect(events.map(({ type }) => type)).toEqual(["answer", "answer", "finish"]);
      for (const [i, event] of events.entries()) {
        if (event.type !== "answer") continue;
        expect(event.probabilities.length).toBe(questions[i]!.answers.length);
        expect(event.probabilities.every((one) => one >= 0 && one <= 1)).toBe(true);
        expect(event.probabilities.reduce((sum, one) => sum + one)).toBeCloseTo(1, 6);
      }
      const { usage } = finishOf(events);
      expect(usage.prompt_tokens).toBeGreaterThan(prompt_tokens);
      expect(usage.completion_tokens).toBe(0);
    });

    test("a question has the same answer beside others, and in another place", async () => {
      const answersOf = async (questions: WeighedQuestion[]) =>
        (await Array.fromAsync(weigh(questions))).flatMap((event) => (event.type === "answer" ? [event.probabilities] : []));
      const [[alone], [, last]] = [await answersOf([YES_OR_NO]), await answersOf([WHICH, YES_OR_NO])];
      for (const [i, one] of alone!.entries()) expect(Math.abs(one - last![i]!)).toBeLessThan(0.01);
    });

    test.if(samples)("what the questions are about is read once", async () => {
      const tokensOf = async (questions: WeighedQuestion[], cache_scope: string): Promise<number> => {
        const about = { messages: [{ role: "user" as const, content: prompt.repeat(8) }], cache_scope };
        const { usage } = finishOf(await Array.fromAsync(weigh(questions, about)));
        expect(usage.cached_tokens).toBeLessThan(prompt_tokens);
        return usage.prompt_tokens;
      };
      const [one, three] = [await tokensOf([YES_OR_NO], "one"), await tokensOf([YES_OR_NO, YES_OR_NO, WHICH], "three")];
      expect(three).toBeLessThan(2 * one);
    });

    test("an abort amid the questions throws its reason and frees the slot, as leaving does", async () => {
      const stop = new AbortController();
      const reason = new Error("gone");
      const many = Array.from({ length: 400 }, () => YES_OR_NO);
      const run = async (): Promise<void> => {
        for await (const _ of weigh(many, {}, stop.signal)) stop.abort(reason);
      };
      expect(await run().catch((error: unknown) => error)).toBe(reason);
      for await (const _ of weigh(many)) break;
      expect((await Array.fromAsync(weigh([YES_OR_NO]))).length).toBe(2);
    });
  });
}
