// Standard output and standard error may close or fill up while a server runs: nothing of its work depends on either.
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { createLog } from "../../src/support/log/log.ts";
import { freePort } from "../support/free-port.ts";
import { withLibrary } from "../support/library.ts";
import { PROGRAM, run } from "../support/program.ts";
import { record } from "../support/record.ts";
import { runtimes } from "../support/runtimes.ts";
import { cleanEnv, eventually, MAIN } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const FULL = "/dev/full";

/** Where the two outputs of a server lead; a number is a file descriptor. */
const LOST: Record<string, (full: number) => StdioOptions> = {
  "whose readers have left": () => ["ignore", "pipe", "pipe"],
  "with both outputs on a full disk": (full) => ["ignore", full, full],
  "with standard error on a full disk": (full) => ["ignore", "ignore", full],
};

for (const { name, command, skip } of runtimes()) {
  const reason = skip ?? (existsSync(FULL) ? undefined : `this machine has no ${FULL}`);
  describe.skipIf(reason !== undefined)(`on ${name}${reason === undefined ? "" : ` (skipped: ${reason})`}, a server`, () => {
    test.each(Object.entries(LOST))(
      "F-59: %s answers all the same, and ends within its grace",
      async (_, stdio) => {
        const { url, child } = await serveWith(command, stdio);
        try {
          // Each of these answers comes with a line of the log.
          for (let i = 0; i < 3; i++) expect(await statusOfChat(url)).toBe(503);
          expect((await fetch(`${url}/health`)).status).toBe(200);
          const end = ended(child);
          child.kill("SIGTERM");
          expect(await end).toEqual([0, null]);
        } finally {
          child.kill("SIGKILL");
        }
      },
      SLOW,
    );
  });
}

describe.skipIf(!existsSync(FULL))("a command", () => {
  const onto = (words: string, env = {}) => run(["sh", "-c", `"$@" ${words}`, "sh", ...PROGRAM, "--version"], { env });

  test("whose result cannot be written fails with a sentence", async () => {
    expect(await onto(`>${FULL}`)).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^Standard output .*ENOSPC.*\n$/),
    });
  });

  test("whose reader has left ends without a word", async () => {
    expect((await onto("| (exec <&-; sleep 1)")).stderr).toBe("");
  });
});

describe("a log", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;

  test("writes the message of a line whose fields are no JSON", () => {
    const lines: string[] = [];
    createLog((line) => lines.push(line)).error("it broke", { circular });
    expect(JSON.parse(lines.join(""))).toMatchObject({ level: "error", message: "it broke", fields: expect.any(String) });
  });

  test("does not pass on what its writer throws", () => {
    const log = createLog(() => {
      throw new Error("The disk is full.");
    });
    expect(() => log.info("it works")).not.toThrow();
  });
});

async function serveWith(command: string[], stdio: (full: number) => StdioOptions) {
  const [port, data, full] = [await freePort(), await folderWithModel(), openSync(FULL, "w")];
  const words = ["serve", "--port", String(port), "--data", data, "--adapter", "llama-server", "--llama-server", "/nowhere"];
  const [binary = "", ...flags] = command;
  const child = spawn(binary, [...flags, MAIN, ...words], { env: cleanEnv(), stdio: stdio(full) });
  closeSync(full);
  child.stdout?.destroy();
  child.stderr?.destroy();
  const url = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(url).then(
      () => true,
      () => child.exitCode !== null,
    );
  await eventually("the server answers", answers);
  return { url, child };
}

async function folderWithModel(): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), "ingle-lost-"));
  await writeFile(join(data, "tiny.gguf"), tinyGguf());
  const folder = join(data, "data");
  await withLibrary(folder, async (library) => void (await library.add(record("tiny", join(data, "tiny.gguf")))));
  return folder;
}

async function statusOfChat(url: string): Promise<number> {
  const body = JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "hi" }] });
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  await answer.arrayBuffer();
  return answer.status;
}

const ended = (child: ChildProcess): Promise<unknown[]> =>
  new Promise((resolve) => child.on("exit", (code, signal) => resolve([code, signal])));
