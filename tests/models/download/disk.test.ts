// What a download does to the disk: room is looked at first, and nothing is in its place that is not a whole model.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { download } from "../../../models/download/download.ts";
import type { ModelFile } from "../../../models/manifest.ts";
import type { DownloadOptions } from "../../../models/sources/source.ts";
import { sha256, startHub, type Hub } from "../../support/hub.ts";
import { corpus, tinyGguf } from "../../support/tiny-gguf.ts";

const MIB = 1 << 20;
const BYTES = new Uint8Array(3 * MIB);
BYTES.set(tinyGguf());
const root = mkdtempSync(join(tmpdir(), "ingle-download-disk-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let hub: Hub;
let target = "";
let count = 0;
beforeEach(async () => {
  target = join(root, String(count++), "tiny.gguf");
  hub = await startHub({ "/tiny.gguf": BYTES });
});
afterEach(() => hub.close());

const file = (bytes: Uint8Array = BYTES, more: Partial<ModelFile> = {}): ModelFile => ({
  name: "tiny.gguf",
  size: bytes.length,
  sha256: sha256(bytes),
  sources: [{ type: "url", url: `${hub.url}/tiny.gguf` }],
  ...more,
});

async function run(wanted: ModelFile, options: DownloadOptions = {}) {
  const given = { wait: async () => {}, allow_private: true, ...options };
  const steps = download(wanted, target, given, new AbortController().signal);
  try {
    for await (const _ of steps);
    return undefined;
  } catch (error) {
    return error;
  }
}
const left = () => (existsSync(dirname(target)) ? readdirSync(dirname(target)).sort() : []);

describe("a disk without room", () => {
  test("is found out before the first byte, with the numbers and the folder", async () => {
    const error = await run(file(), { free: async () => 102e6 });
    const message = `"tiny.gguf": The disk of ${dirname(target)} has too little room: 4 MB more are needed, 102 MB are free`;
    expect(error).toMatchObject({ code: "insufficient_storage", message: expect.stringContaining(message) });
    expect(left()).toEqual([]);
  });

  test("that fills up meanwhile ends the download, and its bytes are kept for the next one", async () => {
    const large = new Uint8Array(80 * MIB);
    large.set(tinyGguf());
    hub.put("/tiny.gguf", large);
    let looks = 0;
    const free = async () => (looks++ === 0 ? 10e9 : 50e6);
    expect(await run(file(large), { free })).toMatchObject({ code: "insufficient_storage" });
    const kept = statSync(`${target}.part`).size;
    expect(kept).toBeGreaterThanOrEqual(64 * MIB);
    expect(await run(file(large))).toBeUndefined();
    expect(hub.requests.at(-1)?.headers.range).toBe(`bytes=${kept}-`);
    expect(sha256(readFileSync(target))).toBe(sha256(large));
  });

  test("counts what is there already: only the rest needs room", async () => {
    hub.set("/tiny.gguf", { kind: "cut", at: 2 * MIB });
    await run(file(), { wait: () => Promise.reject(new Error("no second try")) });
    hub.set("/tiny.gguf");
    expect(await run(file(), { free: async () => 100e6 + MIB - 1 })).toMatchObject({ code: "insufficient_storage" });
    expect(await run(file(), { free: async () => 100e6 + MIB })).toBeUndefined();
  });

  test("ends the download without another source", async () => {
    const twice = file(BYTES, { sources: [...file().sources, ...file().sources] });
    await run(twice, { free: async () => 0 });
    expect(hub.requests).toHaveLength(1);
  });
});

describe("a file that is not a model", () => {
  const broken = corpus().filter(({ name }) =>
    /version|count|string|offset|cut after (4_?000|100|237008)|zeroed head/.test(name),
  );
  test.each(broken)("$name: the file never gets its name, even with the expected sha256", async ({ bytes }) => {
    hub.put("/tiny.gguf", bytes);
    expect(await run(file(bytes))).toMatchObject({ code: "checksum_mismatch" });
    expect(left()).toEqual([]);
  });

  test("wrong bytes, a wrong size and a web page have one code", async () => {
    hub.set("/tiny.gguf", { kind: "flip", at: 2 * MIB });
    expect(await run(file())).toMatchObject({ code: "checksum_mismatch", message: expect.stringContaining("has the sha256") });
    hub.set("/tiny.gguf", { kind: "html" });
    expect(await run(file())).toMatchObject({ code: "checksum_mismatch", message: expect.stringContaining("a web page") });
    hub.put("/tiny.gguf", BYTES.subarray(1));
    hub.set("/tiny.gguf");
    expect(await run(file())).toMatchObject({ code: "checksum_mismatch" });
    expect(left()).toEqual([]);
  });

  test("sources that fail for different reasons fail together as download_failed", async () => {
    hub.set("/tiny.gguf", { kind: "flip", at: 0 });
    const sources = [...file().sources, { type: "url" as const, url: `${hub.url}/gone.gguf` }];
    expect(await run(file(BYTES, { sources }))).toMatchObject({ code: "download_failed" });
  });
});

describe("the note beside a part", () => {
  test("of an earlier version goes on being good", async () => {
    hub.set("/tiny.gguf", { kind: "cut", at: MIB, times: 1 });
    await run(file(), { wait: () => Promise.reject(new Error("no second try")) });
    const { url, etag } = JSON.parse(readFileSync(`${target}.part.json`, "utf8"));
    expect(left()).toEqual(["tiny.gguf.part", "tiny.gguf.part.json"]);
    writeFileSync(`${target}.part.json`, JSON.stringify({ url, etag }));
    expect(await run(file())).toBeUndefined();
    expect(hub.requests.at(-1)?.headers.range).toBe(`bytes=${MIB}-`);
    expect(left()).toEqual(["tiny.gguf"]);
  });

  test("of a part that is whole, of a file whose size nobody knew, is enough: no byte is fetched again", async () => {
    const unsized = file(BYTES, { size: undefined, sha256: undefined });
    hub.set("/tiny.gguf", { kind: "cut", at: MIB, times: 1 });
    await run(unsized, { wait: () => Promise.reject(new Error("no second try")) });
    writeFileSync(`${target}.part`, BYTES);
    expect(await run(unsized)).toBeUndefined();
    expect(hub.requests).toHaveLength(1);
    expect(left()).toEqual(["tiny.gguf"]);
  });

  test.each(["", '{"url":', "[]", "\0\0\0\0"])("that reads %p lets the part start over", async (text) => {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(`${target}.part`, BYTES.subarray(0, MIB));
    writeFileSync(`${target}.part.json`, text);
    expect(await run(file())).toBeUndefined();
    expect(hub.requests[0]?.headers.range).toBeUndefined();
    expect(left()).toEqual(["tiny.gguf"]);
  });

  test("is not written through a link", async () => {
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(join(root, "victim"), "mine");
    for (const name of [".part.json", ".new.part"]) symlinkSync(join(root, "victim"), `${target}${name}`);
    expect(await run(file())).toBeUndefined();
    expect(readFileSync(join(root, "victim"), "utf8")).toBe("mine");
    expect(left()).toEqual(["tiny.gguf"]);
  });

  test("is not left for a source whose tag promises nothing, without a known sha256: its part starts over", async () => {
    hub.set("/tiny.gguf", { kind: "etag_weak" });
    const stop = new AbortController();
    const unknown = file(BYTES, { sha256: undefined });
    const steps = download(unknown, target, { allow_private: true }, stop.signal);
    for await (const { bytes } of steps) if (bytes > 0) break;
    expect(left()).toEqual(["tiny.gguf.part"]);
    expect(await run(unknown)).toBeUndefined();
    expect(hub.requests.at(-1)?.headers.range).toBeUndefined();
  });
});
