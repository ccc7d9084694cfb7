// Conversations on the disk with llama-server, through the real server with the real model: gone on with after a restart and a kill.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkFolder } from "../../src/storage/check/check.ts";
import { answerTo, folderWithModel, longQuestion, type Answered, type Said } from "../support/conversation.ts";
import { namesIn } from "../support/folder.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { childrenOf } from "../support/processes.ts";
import { RUNTIME } from "../support/program.ts";
import { eventually, startServer, type Server } from "../support/server.ts";

const SLOW = 600_000;
const MODEL = "smollm2-135m-instruct";
/** The likeliest token each time, with all reuse that there is. */
const GREEDY = { top_k: 1, max_tokens: 24 };

const { path, skip } = await realServer();
let data = "";
let server: Server;
// One thread: among how many a sum is split changes its last bits.
const SETTINGS = [
  "--slots",
  "1",
  "--context",
  "4096",
  "--threads",
  "1",
  "--adapter",
  "llama-server",
  "--llama-server",
  path ?? "",
];
const start = (kv_cache = "2GB") => startServer(RUNTIME, [...SETTINGS, "--kv-cache", kv_cache], { data });
const folder = (): string => join(data, "kv-cache", MODEL);
const named = (ending: string): string[] => namesIn(folder(), ending);
const ask = (messages: Said[], more: object = GREEDY) => answerTo(server.url, messages, more);
const again = async (kv_cache?: string): Promise<void> => {
  await server.stop();
  server = await start(kv_cache);
};

describe.skipIf(skip !== undefined)(`with llama-server${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
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
    let second: Answered;

    test(
      "goes on from the disk when another one had its slot, with the same answer as in it",
      async () => {
        const first = await ask([question]);
        expect(first.prompt_tokens).toBeGreaterThan(1_400);
        messages = [question, { role: "assistant", content: first.text }, { role: "user", content: "Say more of the river." }];
        second = await ask(messages);
        expect(second.cached_tokens).toBeGreaterThan(1_400);
        await ask([longQuestion(200)], { ...GREEDY, max_tokens: 2 });
        await eventually("it is on the disk", () => named(".slot").length === 1);
        const { cached_tokens, text } = await ask(messages);
        expect(cached_tokens).toBeGreaterThanOrEqual(second.cached_tokens);
        expect(text).toBe(second.text);
      },
      SLOW,
    );

    test(
      "goes on from the disk after a restart, with the same answer, and check finds nothing wrong",
      async () => {
        await again();
        expect(named(".slot").length).toBe(2);
        expect(statSync(folder()).mode & 0o777).toBe(0o700);
        for (const name of named("")) expect(statSync(join(folder(), name)).mode & 0o777).toBe(0o600);
        expect((await checkFolder(data, { in_use: true })).findings).toEqual([]);
        const { cached_tokens, text } = await ask(messages);
        expect(cached_tokens).toBeGreaterThanOrEqual(second.cached_tokens);
        expect(text).toBe(second.text);
      },
      SLOW,
    );

    test(
      "has the same answer from the disk as from an engine that knows nothing",
      async () => {
        await again("0");
        const fresh = await ask(messages);
        expect([fresh.cached_tokens, fresh.text]).toEqual([0, second.text]);
        await again();
      },
      SLOW,
    );
  });

  test(
    "a llama-server that is killed amid a save leaves nothing that is trusted, and check names the half",
    async () => {
      const question = longQuestion(300);
      await ask([question], { max_tokens: 2 });
      const before = named(".slot").length;
      const [engine] = childrenOf(server.pid);
      const killed = eventually("a save has begun", () => named(".tmp").length > 0, 120_000, 1).then(() =>
        process.kill(engine!, "SIGKILL"),
      );
      // The server goes on, and finds out that nothing came of it.
      await ask([longQuestion(400)], { max_tokens: 200 }).catch(() => {});
      await killed;
      await eventually("it is swept", () => named(".tmp").length === 0);
      expect(named(".slot").length).toBe(before);
      expect((await checkFolder(data, { in_use: true })).findings).toEqual([]);
      expect((await ask([question], { max_tokens: 2 })).cached_tokens).toBe(0);
    },
    SLOW,
  );

  test(
    "a server that is killed with it amid a save leaves a half that check names",
    async () => {
      const killed = eventually("a save has begun", () => named(".tmp").length > 0, 120_000, 1).then(() =>
        server.kill("SIGKILL"),
      );
      await ask([longQuestion(500)], { max_tokens: 200 }).catch(() => {});
      await killed;
      await server.ended;
      const { findings } = await checkFolder(data, { in_use: false });
      expect(findings.map(({ kind, path }) => `${kind} ${path}`)).toEqual(
        named(".tmp").map((name) => `orphaned kv-cache/${MODEL}/${name}`),
      );
      expect(findings.length).toBe(1);
      server = await start();
    },
    SLOW,
  );

  test(
    "removing the model removes its conversations, also those that its engine still holds",
    async () => {
      await ask([{ role: "user", content: "Hello." }], { max_tokens: 1 });
      expect(existsSync(folder())).toBe(true);
      const response = await fetch(`${server.url}/v1/models/${MODEL}`, { method: "DELETE" });
      expect(response.status).toBe(200);
      expect(existsSync(folder())).toBe(false);
    },
    SLOW,
  );
});
