// A small part of the engines' half of `npm run test:faults`: tiny models of random weights, some kinds of answers, on both native engines.
import { describe, expect, test } from "bun:test";
import { ANSWER_ENGINES } from "../faults/answers/answer-server.ts";
import { KINDS } from "../faults/answers/kinds.ts";
import { runAnswers, skipOf, type AnswerExtent } from "../faults/answers/run.ts";

const SOME = ["a call of the template behind thoughts", "four choices"];
const SLOW = ["client left at the twelfth piece", "model stopped", "limit of time", "server ended"];
const PATIENCE_MS = 300_000;
const SMALL: AnswerExtent = {
  weights: "tiny",
  kinds: KINDS.filter(({ name }) => SOME.includes(name)),
  cut_every: 37,
  leaves_out: [...SLOW, "hostile tools, schemas and grammars"],
};

for (const engine of ANSWER_ENGINES) {
  const skip = await skipOf(engine);
  describe.skipIf(skip !== undefined)(`${engine}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    test(
      "F-89, F-90, F-91: an answer that is interrupted or cut has one clear end, and the next request works",
      async () => {
        const wrong: string[] = [];
        let count = 0;
        for await (const { name, runs, violations } of runAnswers(engine, SMALL)) {
          count += runs;
          wrong.push(...violations.map((words) => `${name}: ${words}`));
        }
        expect(wrong).toEqual([]);
        expect(count).toBeGreaterThan(16);
      },
      PATIENCE_MS,
    );
  });
}
