// The commands beside a running server: they find it by the lock of the data folder and ask it, and the person notices no difference.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Model } from "../../models/manifest.ts";
import { requestOperatorKey } from "../../src/storage/lock/folder-proof.ts";
import { withLibrary } from "../support/library.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { record } from "../support/record.ts";
import { cleanEnv, eventually, startServer, type Server, type ServerOptions } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const KEY = "a-key-of-the-server";
const BYTES = tinyGguf();
const HALF = 50_000;

const root = mkdtempSync(join(tmpdir(), "ingle-cli-server-"));
/** Sends half of a file at `/half`, all of it elsewhere. */
const hub = createServer((request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const range = from > 0 && { "content-range": `bytes ${from}-${BYTES.length - 1}/${BYTES.length}` };
  response.writeHead(from > 0 ? 206 : 200, { etag: '"1"', "content-length": BYTES.length - from, ...range });
  if (request.url === "/half") response.write(BYTES.subarray(from, HALF));
  else response.end(BYTES.subarray(from));
});
const inTime = (name: string, work: () => Promise<void>) => test(name, work, SLOW);

beforeAll(() => new Promise<void>((resolve) => void hub.listen(0, "127.0.0.1", resolve)));
afterAll(() => {
  hub.closeAllConnections();
  hub.close();
  rmSync(root, { recursive: true, force: true });
});

/** A model whose record is there, and whose file is at the hub. */
function atHub(id: string, path: string): Model {
  const url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}/${path}`;
  const sha256 = createHash("sha256").update(BYTES).digest("hex");
  return { ...record(id, ""), files: [{ name: "w.gguf", size: BYTES.length, sha256, sources: [{ type: "url", url }] }] };
}

/** A data folder with three models, and a server that holds it. */
async function house(args: string[] = [], options: ServerOptions = {}) {
  const data = mkdtempSync(join(root, "data-"));
  const path = join(root, "mine.gguf");
  writeFileSync(path, "GGUF");
  await withLibrary(data, async (library) => {
    await library.add(record("org/mine", path));
    await library.add(atHub("lost", "whole"));
    await library.add(atHub("slow", "half"));
  });
  const server = await startServer(RUNTIME, ["--allow-private", ...args], { data, ...options });
  const ingle = (...words: string[]) => run([...PROGRAM, ...words], { env: { INGLE_DATA: data, INGLE_ALLOW_PRIVATE: "1" } });
  return { data, server, ingle, lock: join(data, "ingle.lock") };
}

describe.each([
  ["without a key", {}],
  ["with a key, which the commands need not be told", { INGLE_KEY: KEY }],
])("a server %s", (_, env) => {
  let house_: Awaited<ReturnType<typeof house>>;
  let server: Server;
  const ask = async (path: string): Promise<any> =>
    (await fetch(server.url + path, { headers: { authorization: `Bearer ${KEY}` } })).json();
  beforeAll(async () => {
    house_ = await house([], { env });
    ({ server } = house_);
  }, SLOW);
  afterAll(async () => void (await server?.stop("SIGKILL")));

  inTime("list shows its models", async () => {
    const { code, stdout, stderr } = await house_.ingle("list", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject([
      { id: "lost", state: "damaged" },
      { id: "org/mine", state: "installed", size: null },
      { id: "slow", state: "damaged" },
    ]);
  });

  inTime("pull lets it download, and says what pull says without one", async () => {
    const pulled = await house_.ingle("pull", "lost");
    expect(pulled).toEqual({
      code: 0,
      stdout: "lost is downloaded.\n",
      stderr: expect.stringContaining("Downloading lost from "),
    });
    expect(await house_.ingle("pull", "lost")).toEqual({ code: 0, stdout: "lost is there.\n", stderr: "" });
    expect(await ask("/v1/models/lost")).toMatchObject({ state: "stopped" });
    expect(await house_.ingle("pull", "nope")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Model "nope" is not in the catalogue.'),
    });
  });

  inTime("Ctrl-C stops what the server downloads, and the bytes are kept", async () => {
    const child = spawn(PROGRAM[0]!, [...PROGRAM.slice(1), "pull", "slow"], {
      env: cleanEnv({ INGLE_DATA: house_.data }),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    const begun = Promise.withResolvers<void>();
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
      if (stderr.includes("Downloading slow")) begun.resolve();
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    await Promise.race([begun.promise, ended]);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(stderr).toMatch(/Stopped\. .*kept/);
    expect((await ask("/v1/models/slow")).state).toBe("damaged");
  });

  inTime("rm takes a model away from it", async () => {
    expect(await house_.ingle("rm", "org/mine")).toEqual({ code: 0, stdout: "org/mine is removed.\n", stderr: "" });
    expect((await ask("/v1/models/org%2Fmine")).error).toMatchObject({ code: "model_not_found" });
    expect(await house_.ingle("rm", "org/mine")).toMatchObject({ code: 1, stderr: expect.stringContaining("is not installed") });
  });

  inTime(
    "its lock is for its owner alone, and what reads the server's disk is for those who can write to its folder",
    async () => {
      expect(statSync(house_.lock).mode & 0o777).toBe(0o600);
      const { url, pid } = JSON.parse(readFileSync(house_.lock, "utf8"));
      expect([url, pid]).toEqual([server.url, server.pid]);
      const asks = async (init: RequestInit) => (await fetch(`${server.url}/v1/import`, { method: "POST", ...init })).status;
      expect(await asks({ headers: { authorization: `Bearer ${KEY}` } })).toBe(401);
      const key = await requestOperatorKey(server.url, house_.data);
      const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
      expect(await asks({ headers, body: "{}" })).toBe(400);
    },
  );

  inTime("check looks, and --fix waits until it has stopped", async () => {
    const looked = await house_.ingle("check");
    expect(looked).toMatchObject({ code: 1, stdout: expect.stringContaining('"ingle pull slow"'), stderr: "" });
    const fix = await house_.ingle("check", "--fix");
    expect(fix).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(`process ${server.pid} at ${server.url}`) });
  });

  inTime("a second server says who holds the folder and goes", async () => {
    const second = await house_.ingle("serve", "--port", "0", "--adapter", "echo");
    expect(second).toEqual({
      ...{ code: 1, stdout: "" },
      stderr: `The data folder is in use by "ingle serve", process ${server.pid} at ${server.url}.\n`,
    });
  });
});

inTime("F-112: pull and list say what is queued, and Ctrl-C takes it out of the queue", async () => {
  const { server, ingle, data } = await house(["--downloads", "1"]);
  try {
    await fetch(`${server.url}/v1/models/download/slow`, { method: "POST" });
    const child = spawn(PROGRAM[0]!, [...PROGRAM.slice(1), "pull", "lost"], {
      env: cleanEnv({ INGLE_DATA: data }),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    const said = Promise.withResolvers<void>();
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
      if (stderr.includes("\n")) said.resolve();
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    await Promise.race([said.promise, ended]);
    expect(stderr).toBe("lost is queued: other downloads come first.\n");
    expect(JSON.parse((await ingle("list", "--json")).stdout)).toMatchObject([
      { id: "lost", state: "queued" },
      { id: "org/mine" },
      { id: "slow", state: "downloading" },
    ]);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(stderr).toEndWith("Stopped before it began. What an earlier download has left is kept.\n");
    expect(JSON.parse((await ingle("list", "--json")).stdout)[0]).toMatchObject({ id: "lost", state: "damaged" });
  } finally {
    await server.stop();
  }
});

describe("what pull says of the network beside a server that may fetch", () => {
  inTime("--offline, wherever it was said: nothing is fetched", async () => {
    const { server, ingle, data } = await house();
    try {
      for (const refused of [
        await ingle("pull", "lost", "--offline"),
        await run([...PROGRAM, "pull", "lost"], { env: { INGLE_DATA: data, INGLE_OFFLINE: "1" } }),
        await run([...PROGRAM, "pull", "lost"], { env: { INGLE_DATA: data, HF_HUB_OFFLINE: "1" } }),
      ]) {
        const stderr = 'The model "lost" is not here, and --offline fetches nothing. Pull it without --offline.\n';
        expect(refused).toEqual({ code: 1, stdout: "", stderr });
      }
      expect(await ingle("pull", "org/mine", "--offline")).toEqual({ code: 0, stdout: "org/mine is there.\n", stderr: "" });
      expect((await ingle("pull", "lost")).code).toBe(0);
    } finally {
      await server.stop();
    }
  });

  inTime("--allow-private, wherever it was said: it is passed on with an address, and refused for an id", async () => {
    const data = mkdtempSync(join(root, "data-"));
    const server = await startServer(RUNTIME, [], { data });
    const url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
    try {
      const plain = await run([...PROGRAM, "pull", `${url}/none.gguf`], { env: { INGLE_DATA: data } });
      expect(plain).toMatchObject({ code: 1, stderr: expect.stringMatching(/is plain http.* or add --allow-private\.\n$/) });
      const env = { INGLE_DATA: data, INGLE_ALLOW_PRIVATE: "1" };
      expect(await run([...PROGRAM, "pull", `${url}/one.gguf`], { env })).toMatchObject({ code: 0 });
      const words = ["pull", `${url}/two.gguf`, "--allow-private"];
      expect(await run([...PROGRAM, ...words], { env: { INGLE_DATA: data } })).toMatchObject({ code: 0 });
      const id = await run([...PROGRAM, "pull", "tiny", "--allow-private"], { env: { INGLE_DATA: data } });
      const stderr = `The server at ${server.url} fetches "tiny" by its own settings. Start it with --allow-private.\n`;
      expect(id).toEqual({ code: 1, stdout: "", stderr });
      // A whole list is the server's, and nothing of this pull is begun.
      const hosts = await run([...PROGRAM, "pull", `${url}/three.gguf`, "--download-hosts", "127.0.0.1"], {
        env: { INGLE_DATA: data },
      });
      const own = `The server at ${server.url} fetches by its own settings. Start it with --download-hosts.\n`;
      expect(hosts).toEqual({ code: 1, stdout: "", stderr: own });
    } finally {
      await server.stop();
    }
  });
});

describe("the engine", () => {
  inTime("of run is the server's, unless an option names another", async () => {
    const { server, ingle } = await house(["--adapter", "echo"]);
    try {
      expect(await ingle("run", "echo", "hi there")).toEqual({ code: 0, stdout: "hi there\n", stderr: "" });
      expect(server.stderr.join()).toContain('"model loaded"');
      const own = await ingle("run", "echo", "hi there", "--adapter", "echo", "--log");
      expect(own).toMatchObject({ code: 0, stdout: "hi there\n", stderr: expect.stringContaining('"model loaded"') });
    } finally {
      await server.stop("SIGKILL");
    }
  });
});

describe("a server that", () => {
  inTime("was killed leaves a lock that binds nobody", async () => {
    const { data, server, ingle } = await house();
    await server.stop("SIGKILL");
    expect(await ingle("list")).toMatchObject({ code: 0, stderr: "" });
    expect(await ingle("rm", "org/mine")).toMatchObject({ code: 0, stderr: "" });
    const second = await startServer(RUNTIME, [], { data });
    expect(await second.stop()).toBe(0);
  });

  inTime("ends amid a download keeps the bytes, and pull does not say that all is there", async () => {
    const { server, ingle } = await house();
    const pulling = ingle("pull", "slow");
    await eventually("the download has begun", async () => {
      const { state } = (await (await fetch(`${server.url}/v1/models/slow`)).json()) as { state: string };
      return state === "downloading";
    });
    expect(await server.stop()).toBe(0);
    const { code, stdout, stderr } = await pulling;
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/Stopped\.|The server ended before its answer did\.|It does not answer/);
  });
});

describe("the store", () => {
  const guarantee = async (args: string[], options: ServerOptions = {}): Promise<string> => {
    const server = await startServer(RUNTIME, ["--adapter", "echo", ...args], options);
    expect(await server.stop()).toBe(0);
    return server.stdout.find((line) => line.startsWith("Store: "))!;
  };

  inTime("that was chosen is named at the start, with what it keeps", async () => {
    const data = join(root, "new");
    expect(await guarantee([], { data })).toBe(
      `Store: fs-durable in ${data}, what is answered with success survives a crash and a power cut.`,
    );
    expect(await guarantee(["--store", "memory"])).toMatch(/^Store: memory, .*gone when the server ends\.$/);
    expect(await guarantee(["--store", `fs:${join(root, "plain")}`])).toMatch(/^Store: fs, .*a power cut .*may damage/);
    const config = join(root, "config.json");
    writeFileSync(config, JSON.stringify({ store: { driver: "fs-lite", base: join(root, "lite") } }));
    expect(await guarantee(["--config", config])).toMatch(/^Store: fs-lite, /);
  });

  inTime("that cannot be used is one sentence", async () => {
    for (const [store, says] of [
      ["nope", 'The store "nope" is unknown.'],
      ["lru-cache", "it silently forgets old records"],
      ["redis://127.0.0.1:1", 'The store "redis" cannot be used'],
      ["db0", 'The store "db0" cannot be made with the options it has: '],
      ["mongodb", "Its driver may need a package of its own."],
    ]) {
      const { code, stdout, stderr } = await run([...PROGRAM, "serve", "--port", "0", "--store", store!], {
        env: { INGLE_DATA: join(root, "unused") },
      });
      expect([code, stdout, stderr.trim().split("\n").length]).toEqual([1, "", 1]);
      expect(stderr).toContain(says!);
    }
  });

  inTime("a proxy that cannot be used is said at the start, without its password, where something may be fetched", async () => {
    const env = { INGLE_DATA: join(root, "unused"), ALL_PROXY: "socks5://ann:secret@127.0.0.1:9" };
    const { code, stdout, stderr } = await run([...PROGRAM, "serve", "--port", "0"], { env });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toStartWith("ALL_PROXY names a SOCKS proxy, which ingle does not use. Set HTTPS_PROXY");
    expect(stderr).not.toMatch(/ann|secret/);
    const data = mkdtempSync(join(root, "data-"));
    const server = await startServer(RUNTIME, ["--offline"], { data, env: { ALL_PROXY: env.ALL_PROXY } });
    await server.stop();
    // Commands that fetch nothing go on.
    expect(await run([...PROGRAM, "list"], { env: { ...env, INGLE_DATA: data } })).toMatchObject({ code: 0 });
  });

  inTime("--no-init leaves a folder that is none of ours alone", async () => {
    const data = join(root, "not-mounted");
    const refused = await run([...PROGRAM, "serve", "--port", "0", "--no-init", "--data", data]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("Is its disk mounted?") });
    expect(() => statSync(data)).toThrow();
  });
});
