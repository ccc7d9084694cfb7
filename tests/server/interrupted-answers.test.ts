// A small part of the engines' half of `npm run test:faults`: tiny models of random weights, some kinds of answers, on both native engines.
import { describe, expect, test } from "bun:test";
import { ANSWER_ENGINES } from "../faults/answers/answer-server.ts";
import { wrongOfEndOrBreak } from "../faults/answers/answers.ts";
import { KINDS } from "../faults/answers/kinds.ts";
import { runAnswers, skipOf, type AnswerExtent } from "../faults/answers/run.ts";
import { frameReader } from "../support/frames.ts";

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

describe("a stream of a server that ends", () => {
  const [piece, finish] = [null, "stop"].map((finish_reason) => ({ choices: [{ index: 0, delta: {}, finish_reason }] }));
  const error = { error: { code: "engine_unavailable" } };
  const wrongOf = (...frames: unknown[]) => {
    const lines = frames.map((frame) => `data: ${typeof frame === "string" ? frame : JSON.stringify(frame)}\n\n`);
    return wrongOfEndOrBreak(frameReader(new Response(lines.join(""))), "engine_unavailable");
  };

  test("is whole, or breaks with one error", async () => {
    expect(await wrongOf(piece, finish, "[DONE]")).toEqual([]);
    expect(await wrongOf(piece, error)).toEqual([]);
  });

  test.each([
    ["stops in its middle", [piece]],
    ["has no end of its answer", [piece, "[DONE]"]],
    ["breaks with an error that passes for an end", [piece, error, "[DONE]"]],
    ["breaks behind its end", [piece, finish, error]],
    ["breaks with another error", [piece, { error: { code: "engine_crashed" } }]],
  ])("is wrong where it %s", async (_, frames) => {
    expect(await wrongOf(...frames)).not.toEqual([]);
  });
});
