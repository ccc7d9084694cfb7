// A storage that goes away while it serves: the data folder renamed, removed, replaced or unmounted, its Redis stopped.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LOCK_FILE } from "../../src/storage/file-names.ts";
import { smallDisk, tree, type SmallDisk } from "../support/folder.ts";
import { withLibrary } from "../support/library.ts";
import { RUNTIME } from "../support/program.ts";
import { record } from "../support/record.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";
import { NO_REDIS, startRedis } from "../support/redis.ts";
import { runtimes, type Runtime } from "../support/runtimes.ts";
import { eventually, startServer, type Server } from "../support/server.ts";

const SLOW = 120_000;
const root = mkdtempSync(join(tmpdir(), "ingle-away-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newPath = (): string => join(mkdtempSync(join(root, "at-")), "data");

interface Answer {
  status: number;
  code: string | undefined;
  retry: string | null;
  body: { id: string; status?: string; title?: string; data?: { id: string }[] };
}

function client({ url }: Server) {
  const ask = async (method: string, path: string, body?: object): Promise<Answer> => {
    const init = body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await fetch(url + path, { method, ...init });
    const answer = (await response.json()) as Answer["body"] & { error?: { code: string } };
    return { status: response.status, code: answer.error?.code, retry: response.headers.get("retry-after"), body: answer };
  };
  const health = async (): Promise<string | undefined> => (await ask("GET", "/health")).body.status;
  const until = (status: string) => eventually(`/health says ${status}`, async () => (await health()) === status, 20_000, 20);
  const chat = () => ask("POST", "/v1/chat/completions", { model: "echo", messages: [{ role: "user", content: "hi" }] });
  /** Their ids. */
  const threads = async () => ((await ask("GET", "/v1/threads")).body as unknown as { id: string }[]).map(({ id }) => id);
  return { ask, health, until, chat, threads };
}

/** Every route that reads or writes records. */
const routes = (thread: string, message: string): [method: string, path: string, body?: object][] => [
  ["GET", "/v1/threads"],
  ["POST", "/v1/threads", { title: "lost" }],
  ["GET", `/v1/threads/${thread}`],
  ["PATCH", `/v1/threads/${thread}`, { title: "lost" }],
  ["DELETE", `/v1/threads/${thread}`],
  ["GET", `/v1/threads/${thread}/messages`],
  ["POST", `/v1/threads/${thread}/messages`, { role: "user", content: "lost" }],
  ["GET", `/v1/threads/${thread}/messages/${message}`],
  ["PATCH", `/v1/threads/${thread}/messages/${message}`, { metadata: { lost: "1" } }],
  ["DELETE", `/v1/threads/${thread}/messages/${message}`],
  ["GET", "/v1/threads/thread_01jd0000000000000000000000"],
  ["GET", "/v1/assistants"],
  ["GET", "/v1/assistants/jan"],
  ["POST", "/v1/assistants", { name: "lost" }],
  ["GET", "/v1/models"],
  ["GET", "/v1/models/echo"],
  ["POST", "/v1/models", { model: "https://example.com/lost.gguf" }],
  ["DELETE", "/v1/models/echo"],
  ["POST", "/v1/models/echo/start"],
  ["POST", "/v1/models/download/lost"],
  ["GET", "/v1/models/download/lost"],
  ["DELETE", "/v1/models/download/lost"],
  ["GET", "/metrics"],
];

const CHAT = { messages: [{ role: "user", content: "hi" }] };

/** Requests to a loaded model. */
const WITHOUT_RECORDS: [path: string, body: object][] = [
  ["/v1/chat/completions", CHAT],
  ["/v1/chat/completions/input_tokens", CHAT],
  ["/v1/apply-template", CHAT],
  ["/v1/completions", { prompt: "hi" }],
  ["/v1/tokenize", { content: "hi" }],
  ["/v1/detokenize", { tokens: [1] }],
  ["/v1/embeddings", { input: "hi" }],
];

/** A server with one thread and one message, both in its memory. */
async function served(runtime: Runtime, data: string, args: string[] = []) {
  const server = await startServer(runtime, ["--adapter", "echo", ...args], { data });
  const asks = client(server);
  const thread = (await asks.ask("POST", "/v1/threads", { title: "kept" })).body.id;
  const message = (await asks.ask("POST", `/v1/threads/${thread}/messages`, { role: "user", content: "kept" })).body.id;
  const expectAway = async (): Promise<void> => {
    for (const [method, path, body] of routes(thread, message)) {
      const { status, code, retry } = await asks.ask(method, path, body);
      expect([method, path, status, code, retry]).toEqual([method, path, 503, "storage_unavailable", "2"]);
    }
    expect((await asks.chat()).status).toBe(200);
    expect((await asks.ask("GET", "/v1/ps")).status).toBe(200);
  };
  const expectBack = async (): Promise<void> => {
    await asks.until("ok");
    expect((await asks.ask("GET", `/v1/threads/${thread}`)).body.title).toBe("kept");
    expect(await asks.threads()).toEqual([thread]);
    expect((await asks.ask("GET", `/v1/threads/${thread}/messages`)).body.data!.map(({ id }) => id)).toEqual([message]);
    expect((await asks.ask("POST", "/v1/threads", { title: "new" })).status).toBe(200);
  };
  return { server, thread, message, expectAway, expectBack, ...asks };
}

const stamps = (folder: string): string[] => tree(folder).filter((path) => !path.startsWith(LOCK_FILE));

/** What takes the folder away, by what is at its path afterwards; each answers with what brings it back. */
const AWAY: Record<string, (data: string) => () => void> = {
  nothing: (data) => {
    renameSync(data, `${data}-moved`);
    return () => renameSync(`${data}-moved`, data);
  },
  "an empty folder": (data) => {
    renameSync(data, `${data}-moved`);
    mkdirSync(data);
    return () => {
      expect(readdirSync(data)).toEqual([]);
      rmSync(data, { recursive: true });
      renameSync(`${data}-moved`, data);
    };
  },
  "a copy of it": (data) => {
    renameSync(data, `${data}-moved`);
    cpSync(`${data}-moved`, data, { recursive: true });
    const before = stamps(data);
    return () => {
      expect(stamps(data)).toEqual(before);
      rmSync(data, { recursive: true });
      renameSync(`${data}-moved`, data);
    };
  },
  "a link to a copy": (data) => {
    renameSync(data, `${data}-moved`);
    cpSync(`${data}-moved`, `${data}-copy`, { recursive: true });
    symlinkSync(`${data}-copy`, data);
    const before = stamps(`${data}-copy`);
    return () => {
      expect(stamps(`${data}-copy`)).toEqual(before);
      unlinkSync(data);
      renameSync(`${data}-moved`, data);
    };
  },
  "a file": (data) => {
    renameSync(data, `${data}-moved`);
    writeFileSync(data, "");
    return () => {
      unlinkSync(data);
      renameSync(`${data}-moved`, data);
    };
  },
  "the folder without its threads": (data) => takeCollection(data, "threads"),
  "the folder without its messages": (data) => takeCollection(data, "messages"),
};

/** A disk of its own may be mounted there. */
function takeCollection(data: string, name: string): () => void {
  const path = join(data, name);
  renameSync(path, `${data}-moved`);
  return () => {
    expect(existsSync(path)).toBe(false);
    renameSync(`${data}-moved`, path);
  };
}

describe.each(runtimes())("on $name, where at the path of the data folder there is", (runtime) => {
  for (const [what, take] of Object.entries(AWAY)) {
    test.skipIf(runtime.skip !== undefined)(
      `${what}: nothing is answered from memory, nothing is made there, and all is well when it is back`,
      async () => {
        const data = newPath();
        const { server, until, expectAway, expectBack, chat } = await served(runtime, data);
        try {
          expect((await chat()).status).toBe(200);
          const before = stamps(data);
          const bring = take(data);
          await until("degraded");
          await expectAway();
          // Longer than the lock's beat.
          await sleep(2_200);
          if (what === "nothing") expect(existsSync(data)).toBe(false);
          bring();
          expect(stamps(data)).toEqual(before);
          await expectBack();
          expect(await server.stop()).toBe(0);
          expect(readdirSync(data).filter((name) => name.startsWith(LOCK_FILE))).toEqual([]);
        } finally {
          await server.stop("SIGKILL");
        }
      },
      SLOW,
    );
  }
});

const inTime = (name: string, work: () => Promise<void>) => test(name, work, SLOW);

describe("a data folder that goes", () => {
  inTime("takes no acknowledged change with it: at every moment each is in it, or was refused", async () => {
    const data = newPath();
    const { server, ask } = await served(RUNTIME, data);
    try {
      const acknowledged: string[] = [];
      const refused = new Set<string>();
      for (let round = 0; round < 10; round++) {
        let going = true;
        const writers = Array.from({ length: 4 }, async () => {
          while (going) {
            const { status, code, body } = await ask("POST", "/v1/threads", {});
            if (status === 200) acknowledged.push(body.id);
            else refused.add(`${status} ${code}`);
          }
        });
        await sleep(round * 3);
        renameSync(data, `${data}-moved`);
        // The place is taken by something that a write could go into.
        mkdirSync(join(data, "threads"), { recursive: true });
        await sleep(20);
        expect(tree(data)).toEqual(["threads"]);
        rmSync(data, { recursive: true });
        renameSync(`${data}-moved`, data);
        going = false;
        await Promise.all(writers);
        const there = readdirSync(join(data, "threads"));
        expect(acknowledged.filter((id) => !there.includes(`${id}.json`))).toEqual([]);
      }
      expect(acknowledged.length).toBeGreaterThan(0);
      expect([...refused]).toEqual(["503 storage_unavailable"]);
    } finally {
      await server.stop("SIGKILL");
    }
  });

  inTime("is read anew when it is back: what was changed meanwhile is not in memory", async () => {
    const data = newPath();
    const { server, thread, threads, ask, until } = await served(RUNTIME, data);
    try {
      expect(await threads()).toEqual([thread]);
      renameSync(data, `${data}-moved`);
      await until("degraded");
      rmSync(join(`${data}-moved`, "threads", `${thread}.json`));
      renameSync(`${data}-moved`, data);
      await until("ok");
      expect((await ask("GET", `/v1/threads/${thread}`)).code).toBe("thread_not_found");
      expect(await threads()).toEqual([]);
    } finally {
      await server.stop("SIGKILL");
    }
  });

  inTime("and has another holder when it is back is left alone", async () => {
    const data = newPath();
    const { server, expectAway, until } = await served(RUNTIME, data);
    try {
      renameSync(data, `${data}-moved`);
      await until("degraded");
      writeFileSync(
        join(`${data}-moved`, LOCK_FILE),
        JSON.stringify({ pid: 1, command: "serve", started: null, place: "elsewhere", token: "theirs" }),
      );
      const before = tree(`${data}-moved`);
      renameSync(`${data}-moved`, data);
      await server.says(/taken by another process/);
      await expectAway();
      expect(tree(data)).toEqual(before);
    } finally {
      await server.stop("SIGKILL");
    }
  });

  inTime("for good is 503 until the server ends, which it does in order", async () => {
    const data = newPath();
    const { server, expectAway, until } = await served(RUNTIME, data);
    rmSync(data, { recursive: true });
    await until("degraded");
    await expectAway();
    expect(await server.stop()).toBe(0);
    expect(existsSync(data)).toBe(false);
  });
});

describe("a data folder with models that goes", () => {
  const BYTES = tinyGguf();
  const HALF = 100_000;
  let patient = true;
  /** Sends half of the file and then nothing, until it is `patient` no more. */
  const hub = createServer((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = from > 0 && { "content-range": `bytes ${from}-${BYTES.length - 1}/${BYTES.length}` };
    response.writeHead(from > 0 ? 206 : 200, { etag: '"1"', "content-length": BYTES.length - from, ...range });
    if (patient) response.write(BYTES.subarray(from, HALF));
    else response.end(BYTES.subarray(from));
  });
  beforeAll(() => new Promise<void>((resolve) => void hub.listen(0, "127.0.0.1", resolve)));
  afterAll(() => {
    hub.closeAllConnections();
    hub.close();
  });

  inTime(
    "loses no byte of a download, which goes on when it is back; a loaded model answers, no other one is loaded",
    async () => {
      const data = newPath();
      const url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}/w`;
      const sha256 = createHash("sha256").update(BYTES).digest("hex");
      const file = { name: "w.gguf", size: BYTES.length, sha256, sources: [{ type: "url" as const, url }] };
      const path = join(root, "tiny.gguf");
      writeFileSync(path, BYTES);
      await withLibrary(data, async (library) => {
        for (const id of ["loaded", "other"]) await library.add(record(id, path));
        await library.add({ ...record("slow", ""), files: [file] });
      });
      const server = await startServer(RUNTIME, ["--allow-private", "--kv-cache", "100MB"], { data });
      const { ask, until } = client(server);
      const chat = (model: string) =>
        ask("POST", "/v1/chat/completions", { model, max_tokens: 2, messages: [{ role: "user", content: "hi" }] });
      try {
        expect((await chat("loaded")).status).toBe(200);
        expect((await ask("POST", "/v1/models/download/slow")).status).toBe(200);
        const part = (folder: string): string => join(folder, "weights", "slow", "w.gguf.part");
        const size = (folder: string): number => (existsSync(part(folder)) ? statSync(part(folder)).size : 0);
        await eventually("half of it is there", () => size(data) === HALF);
        renameSync(data, `${data}-moved`);
        await until("degraded");
        for (const [path, body] of WITHOUT_RECORDS) {
          const { status } = await ask("POST", path, { model: "loaded", max_tokens: 2, ...body });
          expect([path, status]).toEqual([path, 200]);
        }
        for (const path of ["/v1/ps", "/", "/v1", "/openapi.json"])
          expect([path, (await ask("GET", path)).status]).toEqual([path, 200]);
        expect(await chat("other")).toMatchObject({ status: 503, code: "storage_unavailable" });
        await sleep(1_000);
        expect([existsSync(data), size(`${data}-moved`)]).toEqual([false, HALF]);
        patient = false;
        renameSync(`${data}-moved`, data);
        await until("ok");
        await eventually("it is whole", () => existsSync(join(data, "weights", "slow", "w.gguf")));
        expect(readFileSync(join(data, "weights", "slow", "w.gguf")).equals(Buffer.from(BYTES))).toBe(true);
        expect((await chat("other")).status).toBe(200);
      } finally {
        await server.stop("SIGKILL");
      }
    },
  );
});

const whole = smallDisk();
const why = typeof whole === "string" ? ` (skipped: ${whole})` : "";
if (typeof whole !== "string") whole.unmount();

describe.skipIf(why !== "")(`a disk${why}`, () => {
  inTime("that is unmounted under the folder shows its empty mount point, which is not the folder", async () => {
    const disk = smallDisk() as SmallDisk;
    const { server, expectAway, until } = await served(RUNTIME, disk.path);
    try {
      disk.unmount();
      await until("degraded");
      await expectAway();
      expect(readdirSync(disk.path)).toEqual([]);
    } finally {
      await server.stop("SIGKILL");
    }
  });
});

describe.skipIf(NO_REDIS !== undefined)(NO_REDIS ?? "a Redis", () => {
  inTime("that has stopped is 503 everywhere, and health says so, until it is back", async () => {
    const redis = await startRedis();
    const { server, ask, expectAway, until } = await served(RUNTIME, newPath(), ["--store", `${redis.url}/0`]);
    try {
      await redis.kill();
      await until("degraded");
      await expectAway();
      await redis.start();
      await until("ok");
      expect((await ask("POST", "/v1/threads", {})).status).toBe(200);
    } finally {
      await server.stop("SIGKILL");
      await redis.kill();
    }
  });
});
