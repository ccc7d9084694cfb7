// The help: its width, its examples, and what may have been meant by a wrong word.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import type { ArgsDef, CommandDef } from "citty";
import { checkArguments } from "../../src/cli/arguments.ts";
import { COMMAND_NAMES, COMMANDS, commandWords } from "../../src/cli/command-list.ts";
import { PROGRAM, run } from "../support/program.ts";
import { hasPython, inTerminal } from "../support/terminal.ts";

const SLOW = 120_000;
const ingle = (...words: string[]) => run([...PROGRAM, ...words]);
const folder = mkdtempSync(join(tmpdir(), "ingle-help-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shownIn = async (columns: number, words: string[], env?: Record<string, string>): Promise<string> =>
  (await inTerminal(columns, [...PROGRAM, ...words], env)).output;

describe("the help", () => {
  test(
    "has every command in its group, and the variables of the environment",
    async () => {
      const { stdout } = await ingle("--help");
      for (const name of COMMAND_NAMES) expect(stdout).toMatch(new RegExp(`^  ${name}\\b.* [A-Z]`, "m"));
      expect(stdout).toMatch(/^Models\n {2}list, ls +Show/m);
      expect(stdout).toMatch(/^Environment\n {2}INGLE_DATA /m);
      expect(await ingle("help")).toMatchObject({ code: 0, stdout });
    },
    SLOW,
  );

  test(
    "of a command is the same by help COMMAND, by an alias and by --help, and names the variables of its options",
    async () => {
      const { stdout } = await ingle("list", "--help");
      expect(stdout).toMatch(/^Usage: ingle list \[OPTIONS\]$/m);
      expect(stdout).toContain("[INGLE_DATA]");
      for (const words of [
        ["help", "list"],
        ["help", "ls"],
        ["ls", "--help"],
      ])
        expect(await ingle(...words)).toEqual({ code: 0, stdout, stderr: "" });
      expect(await ingle("help", "lsit")).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean "list"?') });
    },
    SLOW,
  );

  test(
    "behind -- is a word like any other",
    async () => {
      const words = ["run", "echo", "--adapter", "echo", "--", "--help"];
      const env = { INGLE_DATA: folder };
      expect(await run([...PROGRAM, ...words], { env })).toEqual({ code: 0, stdout: "--help\n", stderr: "" });
    },
    SLOW,
  );

  test.skipIf(!hasPython())(
    "fits the terminal, and is coloured only where colours are wanted",
    async () => {
      for (const columns of [46, 80]) {
        const shown = await shownIn(columns, ["serve", "--help"]);
        const lines = shown.split("\r\n").filter((line) => !line.startsWith("  ingle serve"));
        expect(lines.filter((line) => line.length > columns)).toEqual([]);
        expect(lines.length).toBeGreaterThan(60);
      }
      expect(await shownIn(80, ["--help"])).not.toContain("\u001b[");
      expect(await shownIn(80, ["--help"], { NO_COLOR: "" })).toContain("\u001b[1mModels\u001b[22m");
    },
    SLOW,
  );

  test("has examples that the commands take", async () => {
    for (const name of COMMAND_NAMES) {
      const { args } = (await import(`../../src/cli/${name}.ts`)).default as CommandDef<ArgsDef>;
      for (const example of COMMANDS[name].examples) {
        const words = example.match(/"[^"]*"|\S+/g) ?? [];
        expect(() => checkArguments(name, args as ArgsDef, words)).not.toThrow();
      }
      expect(COMMANDS[name].examples.length).toBeGreaterThan(0);
    }
    expect(new Set(commandWords()).size).toBe(commandWords().length);
  });
});

test.each([
  [["srve"], 'Did you mean "serve"?'],
  [["dcotor"], 'Did you mean "doctor"?'],
  [["hepl"], 'Did you mean "help"?'],
  [["list", "--catlog"], 'Did you mean "--catalog"?'],
  [["serve", "--no-inti"], 'Did you mean "--no-init"?'],
])(
  "%j says what may have been meant",
  async (words, says) => {
    const { code, stderr } = await ingle(...words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
  },
  SLOW,
);

test(
  "a word that is near to nothing has no guess",
  async () =>
    expect((await ingle("frobnicate")).stderr).toBe('"frobnicate" is not a command of ingle. "ingle --help" lists them.\n'),
  SLOW,
);
