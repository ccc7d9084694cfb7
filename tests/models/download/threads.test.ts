// Large files, which come in a thread of their own, on every runtime.
import { type ChildProcess, spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { isPublic } from "../../../models/download/addresses.ts";
import { download } from "../../../models/download/download.ts";
import { DownloadError } from "../../../models/download-errors.ts";
import type { ModelFile } from "../../../models/manifest.ts";
import type { DownloadOptions, DownloadProgress } from "../../../models/sources/source.ts";
import { sha256, startHub, type Hub } from "../../support/hub.ts";
import { runtimes, type Runtime } from "../../support/runtimes.ts";
import { eventually } from "../../support/server.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const MIB = 1 << 20;
const BYTES = Uint8Array.from({ length: 40 * MIB + 12_345 }, (_, i) => (i * 7919) % 251);
BYTES.set(tinyGguf());
const SHA256 = sha256(BYTES);
const SLOW = 60_000;
const SERVER = fileURLToPath(new URL("../../bench/download-server.ts", import.meta.url).href);

const root = mkdtempSync(join(tmpdir(), "ingle-threads-"));
let hub: Hub;
let target = "";
let count = 0;
beforeEach(async () => {
  target = join(root, String(count++), "large.gguf");
  hub = await startHub({ "/large.gguf": BYTES });
});
afterEach(() => hub.close());
afterAll(() => rmSync(root, { recursive: true, force: true }));

const file = (more: Partial<ModelFile> = {}): ModelFile => ({
  name: "large.gguf",
  size: BYTES.length,
  sha256: SHA256,
  sources: [{ type: "url", url: `${hub.url}/large.gguf` }],
  ...more,
});
const isRight = () => existsSync(target) && sha256(readFileSync(target)) === SHA256;
const PERMITTED: DownloadOptions = { allow_private: true };

interface Child {
  process: ChildProcess;
  fetch(file: ModelFile, options?: DownloadOptions): Promise<{ ms?: number; error?: string; code?: string }>;
  end(): Promise<void>;
}

async function start({ command: [program = "", ...flags] }: Runtime): Promise<Child> {
  const child = spawn(program, [...flags, SERVER], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    process: child,
    async fetch(file, options = PERMITTED) {
      child.stdin.write(`${JSON.stringify({ file, target, options })}\n`);
      return JSON.parse((await lines.next()).value as string);
    },
    end: () => (child.kill("SIGKILL"), ended),
  };
}

for (const runtime of runtimes()) {
  describe.skipIf(runtime.skip !== undefined)(`on ${runtime.skip ?? runtime.name}`, () => {
    test(
      "a large file comes whole, also over a connection that breaks",
      async () => {
        hub.set("/large.gguf", { kind: "cut", at: 25 * MIB, times: 1 });
        const child = await start(runtime);
        expect(await child.fetch(file())).toMatchObject({ ms: expect.any(Number) });
        expect(isRight()).toBe(true);
        expect(hub.requests.map(({ headers }) => headers.range)).toEqual([undefined, `bytes=${25 * MIB}-`]);
        await child.end();
      },
      SLOW,
    );

    test(
      "its errors come out of the thread with their code, and nothing is left",
      async () => {
        hub.set("/large.gguf", { kind: "flip", at: 30 * MIB });
        const child = await start(runtime);
        const error = expect.stringContaining('DownloadError: "large.gguf" could not be downloaded.');
        expect(await child.fetch(file())).toEqual({ error, code: "checksum_mismatch" });
        expect([target, `${target}.part`, `${target}.part.json`].some(existsSync)).toBe(false);
        expect(await child.fetch(file(), {})).toMatchObject({ code: "url_not_allowed" });
        await child.end();
      },
      SLOW,
    );

    test(
      "after kill -9 the next process goes on from what was there",
      async () => {
        hub.set("/large.gguf", { kind: "stall", at: 20 * MIB, times: 1 });
        const first = await start(runtime);
        void first.fetch(file()).catch(() => {});
        await eventually("20 MiB", () => existsSync(`${target}.part`) && statSync(`${target}.part`).size === 20 * MIB);
        await first.end();
        const second = await start(runtime);
        expect(await second.fetch(file())).toMatchObject({ ms: expect.any(Number) });
        expect(hub.requests.at(-1)?.headers.range).toBe(`bytes=${20 * MIB}-`);
        expect(isRight()).toBe(true);
        await second.end();
      },
      SLOW,
    );

    test(
      "a name that leads inside is refused when it is resolved, and no connection is made",
      async () => {
        const inside = await lookup(hostname()).then(
          ({ address }) => !isPublic(address),
          () => false,
        );
        if (!inside) return console.log(`skipped: the name of this machine, ${hostname()}, leads to no address inside it.`);
        let connections = 0;
        const door = createServer((socket) => (connections++, socket.destroy()));
        await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
        const url = `https://${hostname()}:${(door.address() as AddressInfo).port}/large.gguf`;
        const child = await start(runtime);
        for (const size of [1000, BYTES.length]) {
          const told = await child.fetch(file({ size, sources: [{ type: "url", url }] }), {});
          expect(told).toEqual({ error: expect.stringContaining("leads to 127."), code: "url_not_allowed" });
        }
        expect(connections).toBe(0);
        door.close();
        await child.end();
      },
      SLOW,
    );
  });
}

describe("the thread of a download", () => {
  const collect = async (steps: AsyncIterable<DownloadProgress>) => {
    const all: DownloadProgress[] = [];
    for await (const step of steps) all.push(step);
    return all;
  };

  test("reports how far it is, to the end, and from which source and why not another", async () => {
    const sources = [{ type: "url" as const, url: `${hub.url}/gone.gguf` }, ...file().sources];
    const steps = await collect(download(file({ sources }), target, PERMITTED, new AbortController().signal));
    expect(steps[0]?.problem).toContain("It answered 404");
    expect(steps.at(-1)).toMatchObject({ source: new URL(hub.url).host, bytes: BYTES.length, total: BYTES.length });
    expect(steps.map(({ bytes }) => bytes)).toEqual(steps.map(({ bytes }) => bytes).toSorted((a, b) => a - b));
  });

  test("stops when aborted, at once and with the reason, and has let go of the file by then", async () => {
    hub.set("/large.gguf", { kind: "stall", at: 20 * MIB, times: 1 });
    const stop = new AbortController();
    const reason = new Error("enough");
    let aborted = 0;
    const run = async () => {
      for await (const { bytes } of download(file(), target, PERMITTED, stop.signal)) {
        if (bytes < 20 * MIB) continue;
        aborted = performance.now();
        stop.abort(reason);
      }
    };
    expect(await run().catch((error) => error)).toBe(reason);
    expect(performance.now() - aborted).toBeLessThan(5_000);
    const [first] = await collect(download(file(), target, PERMITTED, new AbortController().signal));
    expect(first).toMatchObject({ resumed_from: 20 * MIB });
    expect(isRight()).toBe(true);
  });

  test("ends when it is left, and keeps the bytes", async () => {
    hub.set("/large.gguf", { kind: "stall", at: 20 * MIB, times: 1 });
    for await (const { bytes } of download(file(), target, PERMITTED, new AbortController().signal)) if (bytes > 0) break;
    expect(statSync(`${target}.part`).size).toBeGreaterThan(0);
    expect(await collect(download(file(), target, PERMITTED, new AbortController().signal))).not.toEqual([]);
    expect(isRight()).toBe(true);
  });

  test("is not started for a signal that was aborted before", async () => {
    const signal = AbortSignal.abort(new Error("never"));
    await expect(download(file(), target, PERMITTED, signal).next()).rejects.toThrow("never");
    expect(hub.requests).toHaveLength(0);
  });

  test("fails with a DownloadError that says what was refused", async () => {
    const error = await collect(download(file(), target, {}, new AbortController().signal)).catch((error) => error);
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ code: "url_not_allowed" });
  });
});
