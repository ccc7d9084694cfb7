// Completion: how a line may go on, and the scripts with which shells ask for that.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { shellWords } from "../../src/support/shell-words.ts";
import { PROGRAM, run } from "../support/program.ts";

const SLOW = 120_000;
const folder = mkdtempSync(join(tmpdir(), "ingle-completion-"));
const env = { INGLE_DATA: join(folder, "data"), PATH: `${folder}:${process.env["PATH"]}` };
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(async () => {
  writeFileSync(join(folder, "ingle"), `#!/bin/sh\nexec ${shellWords(PROGRAM)} "$@"\n`, { mode: 0o755 });
  for (const id of ["far", "org/away", "odd $(touch evil)"])
    expect(await run([...PROGRAM, "add", id, "--base-url", "http://127.0.0.1:9/v1"], { env })).toMatchObject({ code: 0 });
}, SLOW);

async function candidates(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await run([...PROGRAM, "complete", "--", ...words], { env });
  expect([code, stderr]).toEqual([0, ""]);
  return stdout.split("\n").slice(0, -1);
}
const words = async (...typed: string[]): Promise<string[]> => (await candidates(...typed)).map((line) => line.split("\t")[0]!);

describe("a line goes on", () => {
  test.each<[typed: string[], goes: string[]]>([
    [["ser"], ["serve", "service"]],
    [["ls"], ["ls"]],
    [["help", "do"], ["doctor"]],
    [
      ["list", "--c"],
      ["--catalog", "--config"],
    ],
    [["serve", "--no"], ["--no-init"]],
    [
      ["serve", "--adapter", ""],
      ["auto", "llama-server", "node-llama-cpp", "echo"],
    ],
    [["serve", "--log-level=w"], ["--log-level=warn"]],
    [
      ["threads", "export", "x", "--format", ""],
      ["markdown", "json"],
    ],
    [
      ["run", ""],
      ["far", "org/away"],
    ],
    [["run", "--adapter", "auto", "o"], ["org/away"]],
    [["pull", "qwen3-4"], ["qwen3-4b"]],
    [["threads", "e"], ["export"]],
    [["completion", "p"], ["powershell"]],
    // These may be anything.
    [["add", ""], []],
    [["run", "far", ""], []],
    [["frobnicate", ""], []],
  ])("%j", async (typed, goes) => expect(await words(...typed)).toEqual(goes), SLOW);

  test(
    "with what each word means",
    async () => expect(await candidates("doc")).toEqual([expect.stringMatching(/^doctor\tCheck what /)]),
    SLOW,
  );
});

describe("the script", () => {
  const shell = (name: string): string | undefined => {
    try {
      execFileSync(name, ["--version"], { stdio: "ignore" });
      return undefined;
    } catch {
      return `skipped: ${name} is not on this machine`;
    }
  };
  /** Named in the titles of tests. */
  const named = (name: string, skip: string | undefined): string => `of ${name} asks ingle${skip ? ` (${skip})` : ""}`;
  const bash = shell("bash");
  const zsh = shell("zsh");
  const fish = shell("fish");

  const inBash = async (line: string, ...typed: string[]): Promise<string[]> => {
    const program = `source <(ingle completion bash); COMP_LINE=$1; COMP_POINT=\${#1}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ingle; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return (await run(["bash", "-c", program, "bash", line, ...typed], { env, cwd: folder })).stdout.split("\n").filter(Boolean);
  };
  test.skipIf(bash !== undefined)(
    named("bash", bash),
    async () => {
      expect(await inBash("ingle ser", "ingle", "ser")).toEqual(["serve", "service"]);
      expect(await inBash("ingle run ", "ingle", "run", "")).toEqual(["far", "org/away"]);
      // bash cuts a word at each "=".
      expect(await inBash("ingle serve --adapter=e", "ingle", "serve", "--adapter", "=", "e")).toEqual(["echo"]);
      expect(await inBash("ingle serve --log-format=", "ingle", "serve", "--log-format", "=")).toEqual(["text", "json"]);
      expect(await inBash("ingle run $(touch evil) ", "ingle", "run", "$(touch evil)", "")).toEqual([]);
      expect(existsSync(join(folder, "evil"))).toBe(false);
    },
    SLOW,
  );

  test.skipIf(zsh !== undefined)(
    named("zsh", zsh),
    async () => {
      const program = `compdef() { :; }; _describe() { print -rl -- $candidates }; _files() { print files };
        source <(ingle completion zsh); words=("$@"); CURRENT=$#; _ingle`;
      const inZsh = async (...typed: string[]) =>
        (await run(["zsh", "-fc", program, "zsh", ...typed], { env, cwd: folder })).stdout.split("\n");
      expect(await inZsh("ingle", "doc")).toEqual([expect.stringMatching(/^doctor:Check what /), ""]);
      expect((await inZsh("ingle", "run", "")).map((line) => line.split(":")[0])).toEqual(["far", "org/away", ""]);
      expect(await inZsh("ingle", "run", "$(touch evil)", "")).toEqual(["files", ""]);
      expect(existsSync(join(folder, "evil"))).toBe(false);
    },
    SLOW,
  );

  test.skipIf(fish !== undefined)(
    named("fish", fish),
    async () => {
      const inFish = async (line: string) =>
        (await run(["fish", "-c", 'ingle completion fish | source; complete -C "$argv[1]"', line], { env, cwd: folder })).stdout
          .split("\n")
          .slice(0, -1);
      expect(await inFish("ingle doc")).toEqual([expect.stringMatching(/^doctor\tCheck what /)]);
      expect((await inFish("ingle run ")).toSorted()).toEqual(["far", "org/away"]);
      expect(await inFish("ingle serve --adapter=e")).toEqual(["--adapter=echo"]);
      expect(await inFish("ingle run x (touch evil) ")).not.toContain("far");
      expect(existsSync(join(folder, "evil"))).toBe(false);
    },
    SLOW,
  );

  test("of PowerShell registers ingle; a shell that is not known is refused with a guess", async () => {
    expect((await run([...PROGRAM, "completion", "powershell"])).stdout).toContain(
      "Register-ArgumentCompleter -Native -CommandName ingle ",
    );
    expect(await run([...PROGRAM, "completion", "bsh"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean "bash"?'),
    });
  });
});
