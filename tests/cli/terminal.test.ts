// `ingle run` in a terminal: keys are typed, and what it shows is read.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "bun:test";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import { KEPT_DATA, realModel } from "../support/real-model.ts";
import { PROGRAM, run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { MAIN } from "../support/server.ts";

const SLOW = 300_000;
const TERMINAL = fileURLToPath(new URL("../support/terminal.py", import.meta.url));

const python = hasPython() ? undefined : "skipped: python3 is not on this machine";
describe.skipIf(python !== undefined)(`a conversation in a terminal${python ? ` (${python})` : ""}`, () => {
  beforeAll(async () => void (await realModel()), SLOW);
  const CTRL_C = "\u0003";
  type Step = [pattern: string, keys: string];
  const terminal = async (steps: Step[], words: string[], command: string[]) => {
    const { stdout, stderr } = await run(["python3", TERMINAL, JSON.stringify(steps), ...command, ...words]);
    expect(stderr).toBe("");
    return JSON.parse(stdout) as { output: string; code: number; missing: string | null };
  };

  for (const { name, command, skip } of runtimes()) {
    test.skipIf(skip !== undefined)(
      `on ${name}: answers are streamed, Ctrl-C stops one, a second one leaves${skip ? ` (skipped: ${skip})` : ""}`,
      async () => {
        const words = ["run", DEFAULT_MODEL, "--temperature", "0", "--threads", "1", "--data", KEPT_DATA];
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
        ["\\nfirst\\r\\n.*> ", "second\r"],
        ["\\nsecond\\r\\n.*> ", "/bye\r"],
      ];
      const { output, ...end } = await terminal(steps, echo, PROGRAM);
      expect(end).toEqual({ code: 0, missing: null });
      expect(output).toStartWith("Ctrl-C stops an answer, a second one leaves.\r\n");
    },
    SLOW,
  );

  test(
    "a question is asked with the whole talk before it, and one that has outgrown its context says so",
    async () => {
      const steps: Step[] = [
        ["> ", `${"word ".repeat(39)}end\r`],
        ["\\nword .*\\r\\n.*> ", "again\r"],
      ];
      const { output, ...end } = await terminal(steps, echo, PROGRAM);
      expect(end).toEqual({ code: 1, missing: null });
      // 40 of the question, 24 that its answer found room for, and one.
      expect(output).toEndWith(
        "The prompt has 65 tokens, and this model's maximum context length is 64 tokens, the answer included. Shorten it.\r\n",
      );
    },
    SLOW,
  );
});

function hasPython(): boolean {
  try {
    execFileSync("python3", ["-c", "import pty, os; os.waitstatus_to_exitcode"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
