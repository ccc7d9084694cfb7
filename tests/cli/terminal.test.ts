// `ingle run` in a terminal: keys are typed, and what it shows is read.
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import { folderWithModel } from "../support/real-model.ts";
import { PROGRAM } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { MAIN } from "../support/server.ts";
import { hasPython, inTerminal, type Step } from "../support/terminal.ts";

const SLOW = 300_000;

const python = hasPython() ? undefined : "skipped: python3 is not on this machine";
describe.skipIf(python !== undefined)(`a conversation in a terminal${python ? ` (${python})` : ""}`, () => {
  let data: string;
  beforeAll(async () => void (data = await folderWithModel()), SLOW);
  afterAll(() => rmSync(data, { recursive: true }));
  const CTRL_C = "\u0003";
  const terminal = (steps: Step[], words: string[], command: string[]) => inTerminal(80, [...command, ...words], {}, steps);

  for (const { name, command, skip } of runtimes()) {
    test.skipIf(skip !== undefined)(
      `on ${name}: answers are streamed, Ctrl-C stops one, a second one leaves${skip ? ` (skipped: ${skip})` : ""}`,
      async () => {
        const words = ["run", DEFAULT_MODEL, "--temperature", "0", "--threads", "1", "--data", data];
        const story = "Write a very long story about a fox.";
        const steps: Step[] = [
          ["> ", "What is the capital of France? Answer in one sentence.\r"],
          ["Paris.*> ", `${story}\r`],
          // What was typed is shown too: the answer begins behind it, and would go on for minutes.
          ["about a fox\\..*\\n.* the .* the ", CTRL_C],
          ["\\n[^\\n]*> ", CTRL_C],
        ];
        expect(await terminal(steps, words, [...command, MAIN])).toMatchObject({ code: 0, missing: null });
      },
      SLOW,
    );
  }

  for (const { name, command, skip } of runtimes()) {
    test.skipIf(skip !== undefined)(
      `on ${name}: a conversation whose output is lost ends with a sentence at most, and without a stack`,
      async () => {
        for (const lost of [">/dev/full", "| true"]) {
          const program = `"$@" run echo --adapter echo --context 64 ${lost}; echo "ended with \${PIPESTATUS[0]}"`;
          const words = ["-c", program, "bash", ...command, MAIN];
          const { output, missing } = await terminal([["leaves\\.", "hello\r"]], words, ["bash"]);
          expect({ missing, output }).toEqual({ missing: null, output: expect.stringContaining("ended with 1\r\n") });
          expect(output).not.toMatch(/\bat .*:\d+|Error:/);
        }
      },
      SLOW,
    );
  }

  const echo = ["run", "echo", "--adapter", "echo", "--context", "64"];

  test(
    "one question follows another until /bye",
    async () => {
      const steps: Step[] = [
        ["> ", "first\r"],
        ["[\\nK]first\\r\\n.*> ", "second\r"],
        ["[\\nK]second\\r\\n.*> ", "/bye\r"],
      ];
      const { output, ...end } = await terminal(steps, echo, PROGRAM);
      expect(end).toEqual({ code: 0, missing: null });
      expect(output).toContain("Ctrl-C stops an answer, a second one leaves. /help says what else there is.\r\n");
    },
    SLOW,
  );

  test(
    "a conversation that has outgrown its context goes on without its oldest messages where the person agrees",
    async () => {
      const steps: Step[] = [
        ["> ", `${"word ".repeat(29)}end\r`],
        // 30 of the question, 30 of its answer and 1 are fewer than 64; the next question has 65 before it.
        ["[\\nK]word .*\\r\\n.*> ", "again\r"],
        ["[\\nK]again\\r\\n.*> ", "more of it\r"],
        ["The context is full\\. Leave out the oldest 2 messages\\? \\[Y/n\\] ", "no\r"],
        ["The question was not asked\\..*> ", "more of it\r"],
        ["The context is full\\. Leave out the oldest 2 messages\\? \\[Y/n\\] ", "\r"],
        ["[\\nK]more of it\\r\\n.*> ", "/bye\r"],
      ];
      expect(await terminal(steps, echo, PROGRAM)).toMatchObject({ code: 0, missing: null });
    },
    SLOW,
  );

  test(
    "a question that is too long by itself is refused, and the conversation goes on as if it had not been asked",
    async () => {
      const long = "word ".repeat(70);
      const refusal =
        "The prompt is too long: it has 71 tokens, and this model's maximum context length is 64 tokens, the answer included\\. Shorten it\\.";
      const steps: Step[] = [
        ["> ", `${long}\r`],
        [`${refusal}\\r\\n.*> `, "hello\r"],
        ["[\\nK]hello\\r\\n.*> ", `${long}\r`],
        ["The question is too long for a context of 64 tokens\\. Shorten it\\.\\r\\n.*> ", "hello again\r"],
        ["[\\nK]hello again\\r\\n.*> ", "/bye\r"],
      ];
      expect(await terminal(steps, echo, PROGRAM)).toMatchObject({ code: 0, missing: null });
    },
    SLOW,
  );

  test(
    "/clear forgets what was said, but not the system message",
    async () => {
      const steps: Step[] = [
        ["> ", `${"word ".repeat(25)}end\r`],
        ["[\\nK]word .*\\r\\n.*> ", "/clear\r"],
        ["> ", `${"word ".repeat(25)}end\r`],
        // With what was said before, this question would not fit.
        ["[\\nK]word .*\\r\\n.*> ", "/bye\r"],
      ];
      const { output, ...end } = await terminal(steps, [...echo, "--system", "Be kind"], PROGRAM);
      expect(end).toEqual({ code: 0, missing: null });
      expect(output).not.toContain("context is full");
    },
    SLOW,
  );
});
