// Further connections for a file that comes slowly over one. The server lets each connection have the same few bytes a moment.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "bun:test";
import { download } from "../../../models/download/download.ts";
import type { ModelFile } from "../../../models/manifest.ts";
import type { ParallelOptions } from "../../../models/download/ranges.ts";
import type { DownloadOptions, DownloadProgress } from "../../../models/sources/source.ts";
import { makeCertificate } from "../../support/certificate.ts";
import { downloadPlace } from "../../support/download-place.ts";
import { sha256 } from "../../support/hub.ts";
import { runtimes } from "../../support/runtimes.ts";
import { eventually } from "../../support/server.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const MIB = 1 << 20;
const SEGMENT = MIB / 4;
const PER_MS = 10_000;
const SLOW = 60_000;
const ETAG = '"one"';
const made = (length: number) => {
  const bytes = Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7919) % 251));
  bytes.set(tinyGguf());
  return bytes;
};
const BYTES = made(4 * MIB + 123);
const LARGE = made(20 * MIB + 123);
const PARALLEL: ParallelOptions = {
  from_bytes: MIB,
  below_bytes_per_s: 1e9,
  after_ms: 50,
  segment_bytes: SEGMENT,
  connections: 3,
};

const { folder, nextTarget, atEnd } = downloadPlace("ranges");
const certificate = makeCertificate(folder);
let target = "";
beforeEach(() => void (target = nextTarget()));

interface Asked {
  range: string | undefined;
  if_range: string | undefined;
  /** Bytes of the body so far. */
  sent: number;
  /** All was sent, or the connection is closed. */
  over: boolean;
}
type Fault = (request: IncomingMessage, response: ServerResponse, asked: Asked) => boolean;

interface Serving {
  bytes?: Buffer;
  etag?: string;
  /** Bytes that a connection gets in a millisecond. */
  per_ms?: number;
  /** None where empty. */
  accept_ranges?: string;
  /** Over https. */
  secure?: boolean;
  /** What happens to the n-th request (from 1); true where it was answered. */
  fault?: (n: number) => Fault | undefined;
}

/** A server of one file that keeps what it was asked and how many connections it had. */
async function serve(serving: Serving = {}) {
  const { bytes = BYTES, etag = ETAG, per_ms = PER_MS, accept_ranges = "bytes", secure = false, fault } = serving;
  const all: Asked[] = [];
  const sockets = new Set<Socket>();
  let [most, connections] = [0, 0];
  const answer: RequestListener = (request, response) => {
    const asked: Asked = { range: request.headers.range, if_range: request.headers["if-range"] as string, sent: 0, over: false };
    all.push(asked);
    response.on("close", () => (asked.over = true));
    most = Math.max(most, all.filter(({ over }) => !over).length);
    if (fault?.(all.length)?.(request, response, asked)) return;
    const [, from = "0", to] = /^bytes=(\d+)-(\d*)$/.exec(asked.range ?? "") ?? [];
    const end = to ? Number(to) + 1 : bytes.length;
    const partial = asked.range !== undefined && asked.if_range === etag;
    const body = partial ? bytes.subarray(Number(from), end) : bytes;
    response.writeHead(partial ? 206 : 200, {
      etag,
      "content-length": body.length,
      ...(accept_ranges && { "accept-ranges": accept_ranges }),
      ...(partial && { "content-range": `bytes ${from}-${end - 1}/${bytes.length}` }),
    });
    pour(response, body, asked, per_ms);
  };
  const server = secure ? createSecureServer(certificate!, answer) : createServer(answer);
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => (server.closeAllConnections(), server.close()));
  const url = `http${secure ? "s" : ""}://127.0.0.1:${(server.address() as AddressInfo).port}/tiny.gguf`;
  return { url, asked: all, open: () => sockets.size, most: () => most, connections: () => connections };
}

const TURN_MS = 5;

/** As many bytes a turn, however late that comes: a busy machine would give a connection at once what it has missed. */
function pour(response: ServerResponse, body: Buffer, asked: Asked, per_ms: number): void {
  const go = (): void => {
    if (response.destroyed) return;
    const due = Math.min(body.length, asked.sent + per_ms * TURN_MS);
    const taken = response.write(body.subarray(asked.sent, due));
    asked.sent = due;
    const next = (): void => void setTimeout(go, TURN_MS);
    if (due === body.length) asked.over = (response.end(), true);
    else if (taken) next();
    else response.once("drain", next);
  };
  go();
}

const file = (url: string, bytes = BYTES): ModelFile => ({
  name: "tiny.gguf",
  size: bytes.length,
  sha256: sha256(bytes),
  sources: [{ type: "url", url }],
});

async function run(url: string, options: DownloadOptions = {}, signal = new AbortController().signal) {
  const steps: DownloadProgress[] = [];
  const waits: number[] = [];
  const wait = async (ms: number) => void waits.push(ms);
  const all = { wait, allow_private: true, parallel: PARALLEL, ...options };
  const done = async () => {
    for await (const step of download(file(url), target, all, signal)) steps.push(step);
  };
  const error: unknown = await done().then(
    () => undefined,
    (error) => error,
  );
  return { steps, waits, error };
}

/**
 * One serves for many ranges: the first and three further ones, a fourth when the first is left, and each further one anew where the
 * first had come so far before it had its first answer.
 */
const MOST_CONNECTIONS = 8;
/** The first one is left for a range at some time, and the server may see the range first. */
const expectFour = (most: number) => expect([4, 5]).toContain(most);
const isRight = (bytes = BYTES) => existsSync(target) && readFileSync(target).equals(bytes);
const lengthOf = (range: string) => {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range)!;
  return Number(to) + 1 - Number(from);
};

test("a file that comes slowly over one connection comes over four", async () => {
  const hub = await serve();
  const { error, steps, waits } = await run(hub.url);
  expect({ error, waits }).toEqual({ error: undefined, waits: [] });
  expect(isRight()).toBe(true);
  expectFour(hub.most());
  const [first, ...further] = hub.asked;
  expect(first).toMatchObject({ range: undefined });
  expect(further.every(({ range, if_range }) => if_range === ETAG && lengthOf(range!) <= SEGMENT)).toBe(true);
  // No byte is asked for twice, and most of them came over the further ones.
  expect(new Set(further.map(({ range }) => range)).size).toBe(further.length);
  const beside = further.reduce((sum, { range }) => sum + lengthOf(range!), 0);
  expect(beside).toBeGreaterThan(BYTES.length / 2);
  expect(first!.sent).toBeLessThan(BYTES.length / 2);
  // Progress is what is in the file, which only grows.
  const told = steps.map(({ bytes }) => bytes);
  expect(told).toEqual(told.toSorted((a, b) => a - b));
  expect(steps.at(-1)).toEqual({ source: new URL(hub.url).host, bytes: BYTES.length, total: BYTES.length });
  expect(further.length).toBeGreaterThan(MOST_CONNECTIONS);
  expect(hub.connections()).toBeLessThanOrEqual(MOST_CONNECTIONS);
  await eventually("all are closed", () => hub.open() === 0);
});

const unkept: [string, (response: ServerResponse, socket: Socket) => void][] = [
  ["says that it closes its connection behind a range", (response) => response.setHeader("connection", "close")],
  ["closes it without saying so", (response, socket) => response.on("finish", () => socket.end())],
  ["sends what nobody asked for", (response, socket) => response.on("finish", () => socket.write(UNASKED))],
];
const UNASKED = `HTTP/1.1 206 Partial Content\r\netag: ${ETAG}\r\ncontent-length: 0\r\n\r\n`;
for (const [name, change] of unkept) {
  test(`a server that ${name} gets its further requests over new connections`, async () => {
    const hub = await serve({ fault: (n) => (n > 1 ? ({ socket }, response) => (change(response, socket), false) : undefined) });
    const { error, waits } = await run(hub.url);
    expect({ error, waits }).toEqual({ error: undefined, waits: [] });
    expect(isRight()).toBe(true);
    expect(hub.connections()).toBeGreaterThan(MOST_CONNECTIONS);
  });
}

const single: [string, Serving, Partial<ParallelOptions>][] = [
  ["a fast server", { per_ms: Infinity }, { after_ms: 1, below_bytes_per_s: 1e6 }],
  ["a server that does not say that it has ranges", { accept_ranges: "" }, {}],
  ["a server that says that it has none", { accept_ranges: "none" }, {}],
  ["a server with a weak tag", { etag: 'W/"one"' }, {}],
  ["a server with a file that is small", {}, { from_bytes: BYTES.length + 1 }],
];
for (const [name, serving, parallel] of single) {
  test(`${name} is asked once`, async () => {
    const hub = await serve({ per_ms: 20_000, ...serving });
    expect((await run(hub.url, { parallel: { ...PARALLEL, ...parallel } })).error).toBeUndefined();
    expect(isRight()).toBe(true);
    expect(hub.asked).toHaveLength(1);
  });
}

const whole: Fault = (_, response, asked) => {
  response.writeHead(200, { etag: ETAG, "accept-ranges": "bytes", "content-length": BYTES.length });
  pour(response, BYTES, asked, PER_MS);
  return true;
};
const answers =
  (status: number, headers: Record<string, string> = {}): Fault =>
  (_, response) => (response.writeHead(status, { "content-length": 2, ...headers }).end("no"), true);
const ranged =
  (change: object): Fault =>
  (_, response, asked) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked.range!)!;
    const body = BYTES.subarray(Number(from), Number(to) + 1);
    const range = `bytes ${from}-${to}/${BYTES.length}`;
    response.writeHead(206, { etag: ETAG, "content-length": body.length, "content-range": range, ...change }).end(body);
    return true;
  };
/** Sends some of the range, and then nothing, or breaks. */
const part =
  (cut: boolean): Fault =>
  (_, response, asked) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked.range!)!;
    const headers = {
      etag: ETAG,
      "content-range": `bytes ${from}-${to}/${BYTES.length}`,
      "content-length": lengthOf(asked.range!),
    };
    response.writeHead(206, headers);
    response.write(BYTES.subarray(Number(from), Number(from) + SEGMENT / 4));
    if (cut) setTimeout(() => response.destroy(), 30);
    return true;
  };

const refused: [string, Fault][] = [
  ["200 and the whole file", whole],
  ["another tag", ranged({ etag: '"two"' })],
  ["no tag", ranged({ etag: "" })],
  ["another range", ranged({ "content-range": `bytes 0-9/${BYTES.length}` })],
  ["a file of another length", ranged({ "content-range": "bytes 0-9/10" })],
  ["a compressed range", ranged({ "content-encoding": "gzip" })],
  ["503", answers(503, { "retry-after": "60" })],
  ["429", answers(429, { "retry-after": "60" })],
  ["403", answers(403)],
  ["a redirect to an address inside", answers(302, { location: "http://127.0.0.2:1/" })],
];
for (const [name, fault] of refused) {
  test(`${name} from every further connection: it goes on as it began`, async () => {
    const hub = await serve({ fault: (n) => (n > 1 ? fault : undefined) });
    const { error, waits, steps } = await run(hub.url);
    expect({ error, waits }).toEqual({ error: undefined, waits: [] });
    expect(isRight()).toBe(true);
    expect(hub.asked).toHaveLength(4);
    expect(hub.asked[0]!.sent).toBe(BYTES.length);
    expect(steps.some(({ problem }) => problem)).toBe(false);
  });
}

/** Of another version of the file, which has the same length. */
const other: Fault = (_, response, asked) => {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked.range!)!;
  const body = Buffer.alloc(Number(to) + 1 - Number(from), 77);
  const range = `bytes ${from}-${to}/${BYTES.length}`;
  response.writeHead(206, { etag: ETAG, "content-length": body.length, "content-range": range }).end(body);
  return true;
};

test("F-111: ranges of two versions under one tag: the file comes once more, in one answer", async () => {
  const hub = await serve({ fault: (n) => (n > 1 && n < 6 ? other : undefined) });
  const { error, steps } = await run(hub.url);
  expect(error).toBeUndefined();
  expect(isRight()).toBe(true);
  expect(steps.at(-1)!.problem).toContain("was begun again");
  expect(hub.asked.at(-1)!.range).toBeUndefined();
});

test("F-110: ranges from another place than the first bytes are not taken without a known sha256, though their tag is the same", async () => {
  const elsewhere = await serve({ fault: () => other });
  const blob = await serve();
  let count = 0;
  const front = createServer((_, response) => {
    const to = count++ === 0 ? blob.url : elsewhere.url;
    response.writeHead(302, { location: to, "content-length": 0 }).end();
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  atEnd(() => (front.closeAllConnections(), front.close()));
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}/tiny.gguf`;
  const unknown = { ...file(url), sha256: undefined };
  const options = { allow_private: true, parallel: PARALLEL };
  await Array.fromAsync(download(unknown, target, options, new AbortController().signal));
  expect(isRight()).toBe(true);
  expect(elsewhere.asked.length).toBeGreaterThan(0);
});

const broken: [string, Fault][] = [
  ...refused,
  ["a cut", part(true)],
  ["silence after some bytes", part(false)],
  ["silence", () => true],
];
for (const [name, fault] of broken) {
  test(`${name} from two of the further connections: the others fetch what they did not`, async () => {
    const hub = await serve({ fault: (n) => (n === 2 || n === 3 ? fault : undefined) });
    const { error, waits } = await run(hub.url, { connect_ms: 300 });
    expect({ error, waits }).toEqual({ error: undefined, waits: [] });
    expect(isRight()).toBe(true);
    expect(hub.asked.length).toBeGreaterThan(4);
    await eventually("all are closed", () => hub.open() === 0);
  });
}

for (const [name, cut] of [
  ["a cut", true],
  ["silence after some bytes", false],
] as const) {
  test(`${name} from every further connection: the first one's successor fetches the rest at once`, async () => {
    const hub = await serve({ fault: (n) => (n > 1 && n < 5 ? part(cut) : undefined) });
    const { error, waits } = await run(hub.url, { connect_ms: 300 });
    expect({ error, waits }).toEqual({ error: undefined, waits: [] });
    expect(isRight()).toBe(true);
    expect(hub.asked.length).toBeLessThan(12);
  });
}

test("a further connection that is much slower than the others is given up", async () => {
  let closed = false;
  const drip: Fault = (_, response, asked) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked.range!)!;
    const headers = {
      etag: ETAG,
      "content-range": `bytes ${from}-${to}/${BYTES.length}`,
      "content-length": lengthOf(asked.range!),
    };
    response.writeHead(206, headers).on("close", () => (closed = true));
    pour(response, BYTES.subarray(Number(from), Number(to) + 1), asked, 1);
    return true;
  };
  const hub = await serve({ fault: (n) => (n === 2 ? drip : undefined) });
  const { error, waits } = await run(hub.url);
  expect({ error, waits }).toEqual({ error: undefined, waits: [] });
  expect(isRight()).toBe(true);
  expect(closed).toBe(true);
  expect(hub.asked[1]!.sent).toBeLessThan(SEGMENT / 2);
});

test("the first connection may break while others are there", async () => {
  let first: ServerResponse;
  const kept: Fault = (_, response) => ((first = response), false);
  const breaking: Fault = () => (first.destroy(), false);
  const hub = await serve({ fault: (n) => (n === 1 ? kept : n === 3 ? breaking : undefined) });
  const { error, waits } = await run(hub.url);
  expect({ error, waits }).toEqual({ error: undefined, waits: [] });
  expect(isRight()).toBe(true);
});

test("when all connections break, the rest of the file is requested over one", async () => {
  const hub = await serve({ fault: (n) => (n > 1 && n < 7 ? part(true) : undefined) });
  const { error, waits } = await run(hub.url);
  expect({ error, waits }).toEqual({ error: undefined, waits: [500] });
  expect(isRight()).toBe(true);
  expect(hub.asked[6]?.range).toMatch(/^bytes=\d+-$/);
});

test("a connection that breaks after a whole segment is replaced", async () => {
  const hub = await serve({ fault: (n) => (n > 4 && n % 3 === 0 ? part(true) : undefined) });
  const { error, waits } = await run(hub.url);
  expect({ error, waits }).toEqual({ error: undefined, waits: [] });
  expect(isRight()).toBe(true);
  const [, ...further] = hub.asked;
  expect(further.every(({ range }) => lengthOf(range!) <= SEGMENT)).toBe(true);
});

test("an abort closes all connections, and what was written is a beginning that the next call goes on from", async () => {
  const hub = await serve();
  const stop = new AbortController();
  const reason = new Error("enough");
  const steps = download(file(hub.url), target, { allow_private: true, parallel: PARALLEL }, stop.signal);
  const run1 = async () => {
    for await (const { bytes } of steps) if (hub.open() >= 4 && bytes > MIB) stop.abort(reason);
  };
  expect(await run1().catch((error) => error)).toBe(reason);
  await eventually("all are closed", () => hub.open() === 0);
  const kept = readFileSync(`${target}.part`);
  expect(kept.length).toBeGreaterThan(MIB);
  expect(kept.equals(BYTES.subarray(0, kept.length))).toBe(true);
  const before = hub.asked.length;
  const second = await run(hub.url);
  expect(second.error).toBeUndefined();
  expect(second.steps[0]).toMatchObject({ bytes: kept.length, resumed_from: kept.length });
  expect(hub.asked[before]?.range).toBe(`bytes=${kept.length}-`);
  expect(isRight()).toBe(true);
});

test("leaving the iteration closes all connections", async () => {
  const hub = await serve();
  for await (const { bytes } of download(
    file(hub.url),
    target,
    { allow_private: true, parallel: PARALLEL },
    new AbortController().signal,
  ))
    if (hub.open() >= 4 && bytes > MIB) break;
  await eventually("all are closed", () => hub.open() === 0);
});

test("a `fetch` in place of the connections serves as well", async () => {
  const hub = await serve();
  const { error } = await run(hub.url, { fetch: (url, init) => fetch(url, init) });
  expect(error).toBeUndefined();
  expect(isRight()).toBe(true);
  expect(hub.asked.length).toBeGreaterThan(4);
  expect(hub.asked[0]!.sent).toBeLessThan(BYTES.length);
});

describe.each(runtimes().map((runtime) => [runtime.name, runtime] as const))("in a thread on %s", (_, runtime) => {
  const SERVER = fileURLToPath(new URL("../../bench/download-server.ts", import.meta.url).href);
  const options = { allow_private: true, parallel: PARALLEL };

  async function start(): Promise<{ child: ChildProcess; fetch(url: string, given?: DownloadOptions): Promise<any> }> {
    const [program = "", ...flags] = runtime.command;
    const env = { ...process.env, ...certificate?.env };
    const child = spawn(program, [...flags, SERVER], { stdio: ["pipe", "pipe", "inherit"], env });
    atEnd(() => child.kill("SIGKILL"));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    await lines.next();
    const fetch = async (url: string, given: DownloadOptions = options) => {
      child.stdin.write(`${JSON.stringify({ file: file(url, LARGE), target, options: given })}\n`);
      return JSON.parse((await lines.next()).value as string);
    };
    return { child, fetch };
  }

  test.skipIf(runtime.skip !== undefined)(
    "after kill -9 amid four connections the next process goes on from a beginning of the file",
    async () => {
      const hub = await serve({ bytes: LARGE });
      const first = await start();
      void first.fetch(hub.url).catch(() => {});
      await eventually("a third", () => existsSync(`${target}.part`) && statSync(`${target}.part`).size > 6 * MIB);
      expectFour(hub.most());
      first.child.kill("SIGKILL");
      await eventually("all are closed", () => hub.open() === 0);
      const kept = readFileSync(`${target}.part`);
      expect(kept.equals(LARGE.subarray(0, kept.length))).toBe(true);
      const before = hub.asked.length;
      const second = await start();
      expect(await second.fetch(hub.url)).toMatchObject({ ms: expect.any(Number) });
      expect(hub.asked[before]).toMatchObject({ range: `bytes=${kept.length}-`, if_range: ETAG });
      expect(hub.asked.length).toBeGreaterThan(before + 4);
      expect(isRight(LARGE)).toBe(true);
      second.child.kill("SIGKILL");
    },
    SLOW,
  );

  test.skipIf(runtime.skip !== undefined || !certificate)(
    `a file comes over several connections of https too${certificate ? "" : " (skipped: there is no openssl)"}`,
    async () => {
      const hub = await serve({ bytes: LARGE, secure: true });
      const { child, fetch } = await start();
      expect(await fetch(hub.url, { parallel: PARALLEL })).toMatchObject({ code: "url_not_allowed" });
      expect(hub.connections()).toBe(0);
      expect(await fetch(hub.url)).toMatchObject({ ms: expect.any(Number) });
      expectFour(hub.most());
      expect(hub.asked.length).toBeGreaterThan(20);
      expect(hub.connections()).toBeLessThanOrEqual(MOST_CONNECTIONS);
      expect(isRight(LARGE)).toBe(true);
      child.kill("SIGKILL");
    },
    SLOW,
  );
});
