// Growth beyond one machine, as docs/scaling.md has it: two nodes that share one Redis, in front of two llama-servers.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type LlamaServer, NO_LLAMA_SERVER, startLlamaServer } from "../support/llama-server.ts";
import { tinyModel } from "../support/models.ts";
import { PROGRAM, run } from "../support/program.ts";
import { NO_REDIS, type RedisServer, startRedis } from "../support/redis.ts";
import { runtimes } from "../support/runtimes.ts";
import { eventually, type Server, startServer } from "../support/server.ts";

const SLOW = 120_000;
const KEY = "key-of-the-llama-servers";
const lacking = NO_REDIS ?? NO_LLAMA_SERVER;
const usable = runtimes().filter(({ skip }) => skip === undefined);

describe.skipIf(lacking !== undefined)(lacking ?? "two nodes in front of two llama-servers", () => {
  let redis: RedisServer;
  let servers: LlamaServer[] = [];
  let nodes: Server[] = [];
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), "ingle-node-")));

  const ask = async (node: number, path: string, body?: object): Promise<any> => {
    const init = body && { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    return (await fetch(`${nodes[node]!.url}/v1${path}`, init)).json();
  };
  let count = 0;
  /** A conversation of its own. */
  const chat = (node: number, content = `talk ${count++}`) =>
    nodes[node]!.chat({ model: "fleet", messages: [{ role: "user", content }], max_tokens: 8, temperature: 0 });
  const chats = async (many: number): Promise<number[]> =>
    Promise.all(Array.from({ length: many }, async (_, n) => (await chat(n % 2)).status));

  beforeAll(async () => {
    redis = await startRedis();
    const { path } = await tinyModel({ context_length: 512 });
    const options = { model: path, alias: "tiny", context: 512, slots: 4, key: KEY };
    servers = await Promise.all([startLlamaServer(options), startLlamaServer(options)]);
    const start = (n: number): Promise<Server> =>
      startServer(usable[n % usable.length]!, ["--store", `${redis.url}/0`], {
        data: folders[n]!,
        env: { INGLE_UPSTREAM_FLEET: KEY },
      });
    nodes = await Promise.all([start(0), start(1)]);
  }, SLOW);
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop("SIGKILL")));
    await Promise.all(servers.map((server) => server.kill()));
    await redis?.kill();
  });

  test("a model that is added on one node is served by both", async () => {
    const urls = servers.map(({ url }) => url).join(",");
    const words = ["add", "fleet", "--base-url", urls, "--as", "tiny", "--key-env", "INGLE_UPSTREAM_FLEET", "--slots", "4"];
    expect(await run([...PROGRAM, ...words, "--data", folders[0]!])).toMatchObject({ code: 0 });
    for (const node of [0, 1]) {
      expect((await ask(node, "/models")).data).toMatchObject([{ id: "fleet", state: "stopped", engine: "upstream" }]);
      const answer = (await (await chat(node)).json()) as any;
      expect(answer).toMatchObject({ model: "fleet", usage: { completion_tokens: 8 } });
      expect((await ask(node, "/ps")).data).toMatchObject([{ id: "fleet", slots: 8, context_length: 512, memory_bytes: null }]);
    }
  });

  test("a thread that is written on one node is read on the other", async () => {
    const { id } = await ask(0, "/threads", { title: "shared" });
    await ask(1, `/threads/${id}/messages`, { role: "user", content: "hi" });
    expect((await ask(0, `/threads/${id}/messages`)).data).toMatchObject([{ content: [{ text: { value: "hi" } }] }]);
  });

  test("chats are spread over both servers, and one conversation stays at one of them, whichever node it comes to", async () => {
    const before = await Promise.all(servers.map((server) => server.tokensPredicted()));
    expect(new Set(await chats(16))).toEqual(new Set([200]));
    const after = await Promise.all(servers.map((server) => server.tokensPredicted()));
    for (const n of [0, 1]) expect(after[n]!).toBeGreaterThan(before[n]!);
    for (let n = 0; n < 6; n++) await chat(n % 2, "one and the same");
    const last = await Promise.all(servers.map((server) => server.tokensPredicted()));
    expect(last.map((said, n) => said - after[n]!).toSorted((a, b) => a - b)).toEqual([0, 48]);
  });

  test(
    "one server is killed: every request is answered, by the other; it comes back, and is used again",
    async () => {
      const [mortal, other] = servers as [LlamaServer, LlamaServer];
      const before = await other.tokensPredicted();
      await mortal.kill();
      expect(new Set(await chats(24))).toEqual(new Set([200]));
      expect((await other.tokensPredicted()) - before).toBe(24 * 8);
      await mortal.start();
      await eventually("it is used again", async () => (await chats(4), (await mortal.tokensPredicted()) > 0), 60_000);
    },
    SLOW,
  );

  test(
    "it is killed amid answers: what has begun ends with an error, and the next request is answered",
    async () => {
      const [mortal] = servers as [LlamaServer];
      const body = { model: "fleet", stream: true, max_tokens: 480, temperature: 0, stop: [] };
      const streams = await Promise.all(
        Array.from({ length: 8 }, (_, n) => nodes[n % 2]!.chat({ ...body, messages: [{ role: "user", content: `long ${n}` }] })),
      );
      await mortal.kill();
      const texts = await Promise.all(streams.map((stream) => stream.text()));
      for (const text of texts) expect(text).toMatch(/data: \[DONE\]\n\n$|"code":"upstream_error"[^\n]*\n\n$/);
      expect(texts.some((text) => text.includes("upstream_error"))).toBe(true);
      expect((await chats(8)).every((status) => status === 200)).toBe(true);
      await mortal.start();
    },
    SLOW,
  );

  test(
    "both are killed: the client is told so, with a time for another try; they come back, and answer",
    async () => {
      await Promise.all(servers.map((server) => server.kill()));
      const refused = await chat(0);
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
      expect(((await refused.json()) as any).error).toMatchObject({
        code: "engine_unavailable",
        message: "The server that runs this model cannot be reached.",
      });
      await Promise.all(servers.map((server) => server.start()));
      for (const node of [0, 1]) expect((await chat(node)).status).toBe(200);
    },
    SLOW,
  );

  test("what is changed on one node holds on the other at once", async () => {
    for (const node of [0, 1]) expect((await chat(node)).status).toBe(200);
    const [, other] = servers as [LlamaServer, LlamaServer];
    const words = ["add", "fleet", "--base-url", other.url, "--as", "tiny", "--key-env", "INGLE_UPSTREAM_FLEET"];
    expect(await run([...PROGRAM, "rm", "fleet", "--data", folders[0]!])).toMatchObject({ code: 0 });
    expect(await run([...PROGRAM, ...words, "--data", folders[0]!])).toMatchObject({ code: 0 });
    const before = await other.tokensPredicted();
    for (let n = 0; n < 8; n++) expect((await chat(1)).status).toBe(200);
    expect((await other.tokensPredicted()) - before).toBe(64);
    expect((await ask(1, "/ps")).data).toMatchObject([{ id: "fleet", slots: 16 }]);
  });

  test("a model that is removed on one node is gone on both", async () => {
    expect(await run([...PROGRAM, "rm", "fleet", "--data", folders[1]!])).toMatchObject({ code: 0 });
    for (const node of [0, 1]) expect((await chat(node)).status).toBe(404);
  });
});
