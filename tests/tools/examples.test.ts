// What examples/README.md tells to run, in a clone in which nothing was built or installed but the packages of ingle.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { readPage } from "../support/pages.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { startScriptedUpstream, type ScriptedUpstream } from "../support/scripted-upstream.ts";
import { cleanEnv, startServer, type Server } from "../support/server.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const page = readPage(ROOT, "examples/README.md");
/** The commands of the table; those of hono.ts and of its request stand in the test of their own. */
const COMMANDS = page.code.filter((code) => code.startsWith("npm run example "));
const LISTENS = "npm run example examples/hono.ts";

const SLOW = 120_000;
let folder: string;
let clone: string;
let upstream: ScriptedUpstream;
let server: Server;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ingle-examples-"));
  clone = join(folder, "clone");
  const listed = await run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT });
  for (const path of listed.stdout.split("\0").filter((path) => /^(?!tests\/|docs\/)./.test(path)))
    await cp(join(ROOT, path), join(clone, path), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(clone, "node_modules"));
  upstream = await startScriptedUpstream();
  const data = join(folder, "data");
  await run([...PROGRAM, "add", "scripted", "--base-url", upstream.url, "--data", data]);
  server = await startServer(RUNTIME, [], { data });
  env = { INGLE_URL: server.url, INGLE_MODEL: "scripted" };
}, SLOW);
afterAll(async () => {
  upstream?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("each example has its command, and each command its example", async () => {
  const programs = (await readdir(join(ROOT, "examples"))).filter((name) => name.endsWith(".ts"));
  expect(COMMANDS.toSorted()).toEqual(programs.map((name) => `npm run example examples/${name}`).toSorted());
});

test(
  "what is to be done once can be done",
  async () => {
    const { text } = page.blocks.find(({ language }) => language === "sh")!;
    const { code, stderr } = await run(["bash", "-e", "-c", text], { cwd: clone });
    expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  },
  SLOW,
);

test("the command line of a clone says nothing of the Node that starts it", async () => {
  const { code, stdout, stderr } = await run(["npx", "ingle", "--version"], { cwd: clone });
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each(COMMANDS.filter((command) => command !== LISTENS))(
  "%s",
  async (command) => {
    const { code, stdout, stderr } = await run(["bash", "-c", command], { cwd: clone, env });
    expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
    // Beside what npm says of the script.
    expect(stdout.replaceAll(/^(> .*)?\n/gm, "")).not.toBe("");
  },
  SLOW,
);

test(
  LISTENS,
  async () => {
    const child = spawn("bash", ["-c", `exec ${LISTENS}`], { cwd: clone, env: cleanEnv({ PORT: "0" }), detached: true });
    try {
      let url: string | undefined;
      for await (const line of createInterface({ input: child.stdout })) if ((url = /^listening on (.*)$/.exec(line)?.[1])) break;
      const request = page.blocks.find(({ text }) => text.startsWith("curl "))!.text;
      const { stdout } = await run(["bash", "-c", request.replace("http://127.0.0.1:3000", url!)]);
      expect(JSON.parse(stdout)).toMatchObject({ choices: [{ message: { content: "hello" } }] });
    } finally {
      process.kill(-child.pid!, "SIGTERM");
    }
  },
  SLOW,
);
