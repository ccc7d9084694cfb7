// Conversations on the disk, through the real server with the real model: gone on with after a restart, a kill, and another model file.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkFolder } from "../../src/storage/check/check.ts";
import { answerTo, folderWithModel, longQuestion, type Said } from "../support/conversation.ts";
import { namesIn } from "../support/folder.ts";
import { RUNTIME } from "../support/program.ts";
import { eventually, startServer, type Server } from "../support/server.ts";

const SLOW = 300_000;
const MODEL = "smollm2-135m-instruct";
const REPEATABLE = { temperature: 0, max_tokens: 24 };

let data = "";
let server: Server;
// One thread: beside other programs the engine takes fewer of them, and among how many a sum is split changes its last bits.
const SETTINGS = ["--slots", "1", "--context", "4096", "--threads", "1", "--kv-cache", "2GB"];
const start = (args: string[] = []) => startServer(RUNTIME, [...SETTINGS, ...args], { data });
const folder = (): string => join(data, "kv-cache", MODEL);
const named = (ending: string): string[] => namesIn(folder(), ending);
const ask = (messages: Said[], more?: object) => answerTo(server.url, messages, more);
const again = async (args?: string[]): Promise<void> => {
  await server.stop();
  server = await start(args);
};

beforeAll(async () => {
  data = await folderWithModel();
  server = await start();
}, SLOW);
afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true });
});

describe("a conversation of 1,500 tokens", () => {
  const question = longQuestion(100);
  let messages: Said[];
  /** All that was read and said so far, but for the end of the answer, which was never fed. */
  let known = 0;

  test(
    "goes on in its slot: only what is new is read",
    async () => {
      const first = await ask([question]);
      expect(first.prompt_tokens).toBeGreaterThan(1_400);
      expect(first.cached_tokens).toBe(0);
      messages = [question, { role: "assistant", content: first.text }, { role: "user", content: "Say more of the river." }];
      known = first.prompt_tokens + first.completion_tokens;
      const second = await ask(messages);
      expect(second.cached_tokens).toBeGreaterThanOrEqual(known - 2);
    },
    SLOW,
  );

  test(
    "goes on from the disk when another one had its slot",
    async () => {
      await ask([longQuestion(200)], { max_tokens: 2 });
      await eventually("it is on the disk", () => named(".kv").length === 1);
      expect((await ask(messages)).cached_tokens).toBeGreaterThanOrEqual(known - 2);
    },
    SLOW,
  );

  test(
    "goes on from the disk after a restart, and check finds nothing wrong",
    async () => {
      await again();
      expect(named(".kv").length).toBeGreaterThan(1);
      expect(statSync(folder()).mode & 0o777).toBe(0o700);
      for (const name of named("")) expect(statSync(join(folder(), name)).mode & 0o777).toBe(0o600);
      expect((await checkFolder(data, { in_use: true })).findings).toEqual([]);
      expect((await ask(messages)).cached_tokens).toBeGreaterThanOrEqual(known - 2);
    },
    SLOW,
  );

  test(
    "has the same repeatable answer from the disk as from an engine that knows nothing",
    async () => {
      await again();
      const kept = await ask(messages, REPEATABLE);
      await again(["--kv-cache", "0"]);
      const fresh = await ask(messages, REPEATABLE);
      expect([kept.cached_tokens, fresh.cached_tokens]).toEqual([1024, 0]);
      expect(kept.text).toBe(fresh.text);
      await again();
    },
    SLOW,
  );

  test(
    "is read anew where its file was changed, with the same answer",
    async () => {
      await again();
      await server.stop();
      for (const name of named(".kv")) {
        const bytes = readFileSync(join(folder(), name));
        bytes[Math.floor(bytes.length / 2)]! ^= 1;
        writeFileSync(join(folder(), name), bytes);
      }
      server = await start();
      const { cached_tokens, text } = await ask(messages);
      expect(cached_tokens).toBe(0);
      expect(text).not.toBe("");
      expect(server.stderr.join()).toContain("Its sum is wrong");
    },
    SLOW,
  );

  test(
    "is read anew where the model file was changed, if only in its time",
    async () => {
      await again();
      expect(named(".kv").length).toBeGreaterThan(0);
      await server.stop();
      const weights = join(data, "weights", MODEL);
      for (const name of readdirSync(weights)) utimesSync(join(weights, name), new Date(), new Date());
      server = await start();
      expect((await ask(messages)).cached_tokens).toBe(0);
    },
    SLOW,
  );
});

test(
  "an engine that is killed amid a save leaves nothing that is trusted, and check names the half",
  async () => {
    const question = longQuestion(300);
    await ask([question], { max_tokens: 2 });
    const before = named(".kv").length;
    const [engine] = server.children();
    const killed = eventually("a save has begun", () => named(".tmp").length > 0, 60_000, 1).then(() =>
      process.kill(engine!, "SIGKILL"),
    );
    await ask([longQuestion(400)], { max_tokens: 200 }).catch(() => {});
    await killed;
    await server.stop("SIGKILL");
    expect(named(".kv").length).toBe(before);
    const { findings } = await checkFolder(data, { in_use: false });
    expect(findings.map(({ kind, path }) => `${kind} ${path}`)).toEqual(
      named(".tmp").map((name) => `orphaned kv-cache/${MODEL}/${name}`),
    );
    expect(findings.length).toBe(1);
    server = await start();
    expect((await ask([question], { max_tokens: 2 })).cached_tokens).toBe(0);
  },
  SLOW,
);

test(
  "removing the model removes its conversations, also those that its engine still holds",
  async () => {
    expect(existsSync(folder())).toBe(true);
    const response = await fetch(`${server.url}/v1/models/${MODEL}`, { method: "DELETE" });
    expect(response.status).toBe(200);
    expect(existsSync(folder())).toBe(false);
  },
  SLOW,
);
