// /v1/models/download/{id}: one job a model, told of to all who listen, over HTTP with a hub of our own.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Model } from "../../models/manifest.ts";
import { DownloadError } from "../../models/download-errors.ts";
import type { DownloadProgress } from "../../models/sources/source.ts";
import type { DownloadEvent } from "../../src/library/download-event.ts";
import { createDownloadJobs } from "../../src/library/download-jobs.ts";
import { ApiError } from "../../src/http/errors.ts";
import { createLog } from "../../src/support/log/log.ts";
import type { Store } from "../../src/storage/store.ts";
import { errorOf, makeApp, makeModel, NOW } from "../support/app.ts";
import { framesOf, frameReader } from "../support/frames.ts";
import { eventually } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const BYTES = tinyGguf();
const HALF = 100_000;
const sha256 = createHash("sha256").update(BYTES).digest("hex");
const IN_CATALOGUE = "smollm2-360m-instruct";

const root = mkdtempSync(join(tmpdir(), "ingle-downloads-"));
let asked: IncomingMessage[];
/** Until it resolves the hub sends half of a file. */
let held: PromiseWithResolvers<void>;
let broken: boolean;
const hub = createServer((request, response) => void answer(request, response));
let url: string;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  asked.push(request);
  if (broken) return void response.writeHead(404).end();
  if (request.url === "/busy") return void response.writeHead(503, { "retry-after": "60" }).end();
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const size = request.url!.endsWith(".gguf") ? 270_590_880 : BYTES.length;
  const range = from > 0 && { "content-range": `bytes ${from}-${size - 1}/${size}` };
  response.writeHead(from > 0 ? 206 : 200, { etag: '"1"', "content-length": size - from, ...range });
  if (from < HALF) response.write(BYTES.subarray(from, HALF));
  await held.promise;
  response.end(BYTES.subarray(Math.max(from, HALF)));
}

beforeAll(async () => {
  await new Promise<void>((resolve) => hub.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
});
afterAll(() => {
  hub.closeAllConnections();
  hub.close();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  [asked, held, broken] = [[], Promise.withResolvers<void>(), false];
});

/** Its weights are at the hub. */
const fetched = (id: string) =>
  makeModel(id, {
    files: [{ name: "tiny.gguf", size: BYTES.length, sha256, sources: [{ type: "url", url: `${url}/tiny` }] }],
  });

function house(options: Parameters<typeof makeApp>[0] = {}, models: Model[] = [fetched("tiny")]) {
  const weights = mkdtempSync(join(root, "weights-"));
  const made = makeApp({ models, weights, download: { hf_endpoint: url }, ...options });
  const at = (id: string, init: RequestInit = {}) => made.request(`/v1/models/download/${id}`, init);
  const start = async (id = "tiny") => ((await (await at(id, { method: "POST" })).json()) as { message: string }).message;
  const model = async (id = "tiny") => (await (await made.request(`/v1/models/${id}?catalog=true`)).json()) as any;
  const bytes = (n: number, id = "tiny") =>
    eventually(`${n} bytes`, async () => {
      const reader = frameReader(await at(`${id}/events`));
      const event = await reader.next();
      await reader.cancel();
      return event.bytes === n;
    });
  return { ...made, weights, at, start, model, bytes };
}

describe("a download", () => {
  test("is one job, whoever asks for it and however", async () => {
    const { at, start, model, library } = house();
    expect(await model()).toMatchObject({ state: "damaged" });
    expect(await start()).toBe("Starting download tiny");
    const res = await at("tiny");
    expect([res.status, await res.json()]).toEqual([200, { message: "Starting download tiny", downloaded: false }]);
    await Promise.all([start(), start()]);
    expect(await model()).toMatchObject({ state: "downloading" });
    held.resolve();
    expect((await framesOf(await at("tiny/events"))).data.at(-1)).toMatchObject({ state: "done", bytes: BYTES.length });
    expect(asked).toHaveLength(1);
    expect(await model()).toMatchObject({ state: "stopped" });
    expect(await library.get("tiny")).toMatchObject({ created: NOW });
    expect(await start()).toBe("Model tiny is already downloaded");
    expect(asked).toHaveLength(1);
  });

  test("tells all who listen, from where it is to its end", async () => {
    const { at, start, bytes } = house();
    await start();
    await bytes(HALF);
    const both = await Promise.all([at("tiny/events"), at("tiny/events")]);
    expect(both[0]!.headers.get("content-type")).toStartWith("text/event-stream");
    const readers = both.map(frameReader);
    for (const reader of readers) {
      expect(await reader.next()).toEqual({
        ...{ model_id: "tiny", state: "downloading", bytes: HALF, total: BYTES.length },
        ...{ rate: expect.any(Number), source: new URL(url).host },
      });
    }
    held.resolve();
    for (const reader of readers) {
      let last: any;
      for (let next = await reader.next(); next !== "[DONE]"; next = await reader.next()) last = next;
      expect(last).toMatchObject({ state: "done", bytes: BYTES.length, total: BYTES.length, source: new URL(url).host });
    }
    const { data, done } = await framesOf(await at("tiny/events"));
    expect(data).toMatchObject([{ model_id: "tiny", state: "done", bytes: BYTES.length }]);
    expect(done).toBe(true);
  });

  test("goes on although everybody who asked has left", async () => {
    const { at, model } = house();
    const client = new AbortController();
    await at("tiny", { method: "POST", signal: client.signal });
    const reader = frameReader(await at("tiny/events", { signal: client.signal }));
    await reader.next();
    await reader.cancel();
    client.abort();
    held.resolve();
    await eventually("the model is there", async () => (await model()).state === "stopped");
  });

  test("that is cancelled keeps its bytes, and the next one goes on from them", async () => {
    const { at, start, model, bytes } = house();
    await start();
    await bytes(HALF);
    const listening = framesOf(await at("tiny/events"));
    const res = await at("tiny", { method: "DELETE" });
    expect(await res.json()).toEqual({ id: "tiny", object: "model.download", cancelled: true });
    expect((await listening).data.at(-1)).toMatchObject({ state: "cancelled", bytes: HALF, rate: 0 });
    expect(await model()).toMatchObject({ state: "damaged", partial_bytes: HALF });
    expect((await framesOf(await at("tiny/events"))).data).toMatchObject([{ state: "cancelled" }]);
    expect(await errorOf(await at("tiny", { method: "DELETE" }))).toMatchObject({ status: 404, code: "download_not_found" });
    held.resolve();
    await start();
    const { data } = await framesOf(await at("tiny/events"));
    expect(data.at(-1)).toMatchObject({ state: "done", bytes: BYTES.length, resumed_from: HALF });
    expect(asked.map(({ headers }) => headers.range)).toEqual([undefined, `bytes=${HALF}-`]);
    expect(await model()).not.toHaveProperty("partial_bytes");
  });

  test("that fails says why, until the next one", async () => {
    broken = true;
    const { at, start, log } = house();
    await start();
    const failed = {
      ...{ model_id: "tiny", state: "failed", bytes: 0, rate: 0 },
      error: { code: "download_failed", message: expect.stringContaining("the file is not there") },
    };
    for (let n = 0; n < 2; n++) {
      const { data, done } = await framesOf(await at("tiny/events"));
      expect(data.at(-1)).toMatchObject(failed);
      expect(done).toBe(true);
    }
    expect(log.some(({ message }) => message === "download failed")).toBe(true);
    broken = false;
    held.resolve();
    await start();
    expect((await framesOf(await at("tiny/events"))).data.at(-1)).toMatchObject({ state: "done" });
  });

  test("B-20: of a model that is not there yet makes a chat with it a 409, and a deletion ends it", async () => {
    const { at, start, model, chat, request, weights, bytes } = house();
    expect((await chat({ model: IN_CATALOGUE })).status).toBe(404);
    expect(await start(IN_CATALOGUE)).toBe(`Starting download ${IN_CATALOGUE}`);
    const error = await errorOf(await chat({ model: IN_CATALOGUE }));
    expect(error).toMatchObject({ status: 409, param: "model", code: "model_not_ready" });
    expect(await model(IN_CATALOGUE)).toMatchObject({ state: "downloading" });
    const list = (await (await request("/v1/models")).json()) as { data: { id: string }[] };
    expect(list.data.map(({ id }) => id)).toEqual(["tiny"]);
    await bytes(HALF, IN_CATALOGUE);
    expect((await request(`/v1/models/${IN_CATALOGUE}`, { method: "DELETE" })).status).toBe(200);
    expect(existsSync(join(weights, IN_CATALOGUE))).toBe(false);
    expect(await model(IN_CATALOGUE)).toMatchObject({ state: "available" });
    expect((await chat({ model: IN_CATALOGUE })).status).toBe(404);
    expect((await at(IN_CATALOGUE, { method: "DELETE" })).status).toBe(404);
  });

  test("F-112: beyond as many as may run is queued: its model says so, and can be stopped and deleted", async () => {
    const ids = ["a", "b", "c", "d"];
    const { at, start, model, bytes, chat, request } = house({}, ids.map(fetched));
    for (const id of ids) expect(await start(id)).toBe(`Starting download ${id}`);
    await bytes(HALF, "a");
    const states = async () => Promise.all(ids.map(async (id) => (await model(id)).state));
    expect(await states()).toEqual(["downloading", "downloading", "queued", "queued"]);
    expect(asked).toHaveLength(2);
    const reader = frameReader(await at("d/events"));
    expect(await reader.next()).toEqual({ model_id: "d", state: "queued", bytes: 0, rate: 0, source: "" });
    await reader.cancel();
    await start(IN_CATALOGUE);
    const error = await errorOf(await chat({ model: IN_CATALOGUE }));
    expect(error).toMatchObject({ status: 409, code: "model_not_ready", message: expect.stringContaining("queued") });
    expect((await at("c", { method: "DELETE" })).status).toBe(200);
    expect((await request(`/v1/models/${IN_CATALOGUE}`, { method: "DELETE" })).status).toBe(200);
    expect((await model(IN_CATALOGUE)).state).toBe("available");
    held.resolve();
    for (const id of ["a", "b", "d"])
      expect((await framesOf(await at(`${id}/events`))).data.at(-1)).toMatchObject({ model_id: id, state: "done" });
    expect(await states()).toEqual(["stopped", "stopped", "damaged", "stopped"]);
    expect(asked).toHaveLength(3);
  });

  test("F-113: from a source that asks for patience lets others come first", async () => {
    const busy = (id: string) =>
      makeModel(id, { files: [{ name: "tiny.gguf", sources: [{ type: "url", url: `${url}/busy` }] }] });
    const { at, start, model, downloads } = house({}, [busy("a"), busy("b"), fetched("c")]);
    held.resolve();
    for (const id of ["a", "b", "c"]) await start(id);
    expect((await framesOf(await at("c/events"))).data.at(-1)).toMatchObject({ model_id: "c", state: "done" });
    for (const id of ["a", "b"]) await eventually(`${id} waits`, async () => (await model(id)).state === "waiting");
    await downloads.close();
  });

  test.each([
    ["org/tiny", "org/tiny"],
    ["org/tiny", "org%2Ftiny"],
    ["tiny/events", "tiny%2Fevents"],
    ["events", "events"],
    ["download/x", "download/x"],
  ])("of %s is asked for as %s", async (id, path) => {
    held.resolve();
    const { at, start, store } = house({}, [fetched(id)]);
    expect(await (await at(path)).json()).toEqual({ message: `Starting download ${id}`, downloaded: false });
    expect((await framesOf(await at(`${path}/events`))).data.at(-1)).toMatchObject({ model_id: id, state: "done" });
    expect(await start(path)).toBe(`Model ${id} is already downloaded`);
    expect(await store.models.ids()).toEqual([id]);
  });
});

describe("what is refused dials nothing", () => {
  const KEY = "0123456789abcdef";
  const guards = { origins: ["http://localhost:3000"] };
  /** The status of a request, and how often the hub was asked for it. */
  const outcome = async (headers: Record<string, string>, { method = "GET", keys = [] as string[] } = {}) => {
    held.resolve();
    const { at, downloads } = house({ guards: { ...guards, keys } });
    const { status } = await at("tiny", { method, headers });
    const running = downloads.state("tiny") === "downloading";
    await downloads.close();
    return [status, running];
  };

  test("S-10: a page of another origin", async () => {
    expect(await outcome({ origin: "https://evil.com" })).toEqual([403, false]);
    expect(await outcome({ "sec-fetch-site": "cross-site" })).toEqual([403, false]);
    expect(asked).toEqual([]);
  });

  test("S-11: an address typed by hand, without a key", async () => {
    expect(await outcome({ "sec-fetch-site": "none" })).toEqual([403, false]);
    expect(asked).toEqual([]);
    const headers = { "sec-fetch-site": "none", authorization: `Bearer ${KEY}` };
    expect(await outcome(headers, { keys: [KEY] })).toEqual([200, true]);
  });

  test("S-12: but not a page of our own", async () => {
    expect(await outcome({ "sec-fetch-site": "same-origin", origin: "http://localhost" })).toEqual([200, true]);
  });

  test("S-18: a listed origin may POST and may not GET", async () => {
    const headers = { origin: "http://localhost:3000", "sec-fetch-site": "cross-site" };
    expect(await outcome(headers)).toEqual([403, false]);
    expect(asked).toEqual([]);
    expect(await outcome(headers, { method: "POST" })).toEqual([200, true]);
  });

  test("B-16: HEAD", async () => {
    expect(await outcome({}, { method: "HEAD" })).toEqual([200, false]);
    const { at } = house();
    expect((await at("nope", { method: "HEAD" })).status).toBe(404);
    const events = await at("tiny/events", { method: "HEAD" });
    expect([events.status, await events.text()]).toEqual([200, ""]);
    expect(asked).toEqual([]);
  });

  test("B-49: a model that nobody knows, by every method", async () => {
    const { at } = house();
    for (const method of ["GET", "POST"]) {
      const error = await errorOf(await at("nope", { method }));
      expect(error).toMatchObject({ status: 404, param: "model_id", code: "model_not_found" });
    }
    for (const id of ["..%2f..%2fetc", "%00", "__proto__", "x".repeat(5000)]) expect((await at(id)).status).toBe(404);
    expect(await errorOf(await at("nope/events"))).toMatchObject({ status: 404, code: "model_not_found" });
    expect(await errorOf(await at("tiny/events"))).toMatchObject({ status: 404, code: "download_not_found" });
    expect(await errorOf(await at("nope", { method: "DELETE" }))).toMatchObject({ status: 404, param: "model_id" });
    expect(asked).toEqual([]);
  });

  test("B-50: a body that is not JSON", async () => {
    const { at } = house();
    const init = { method: "POST", body: "hi", headers: { "content-type": "text/plain" } };
    expect(await errorOf(await at("tiny", init))).toMatchObject({ status: 415, code: "unsupported_media_type" });
    expect(await errorOf(await at("tiny", { method: "POST", body: "{" }))).toMatchObject({ status: 400, code: "invalid_json" });
    expect(asked).toEqual([]);
  });

  test("a file used in place that is gone: nobody knows where to fetch it from", async () => {
    const path = join(root, "gone.gguf");
    const { at } = house({}, [makeModel("mine", { files: [{ name: "gone.gguf", sources: [], path }] })]);
    expect(await errorOf(await at("mine"))).toMatchObject({ status: 500, code: "model_corrupted" });
  });
});

describe("the jobs", () => {
  const never = new AbortController().signal;

  /** Jobs over steps of the test's own. */
  function jobs(
    pull: (id: string, signal: AbortSignal) => AsyncIterable<DownloadProgress>,
    records: Store["downloads"] = makeApp().store.downloads,
  ) {
    const there = new Set<string>();
    const downloads = createDownloadJobs({
      library: {
        planDownload: async (id) => (there.has(id) ? undefined : { model: makeModel(id) }),
        get: async (id) => makeModel(id, { files: [{ name: "weights.gguf", sources: [], size: 20_000 }] }),
        async *install(id, _, signal) {
          yield* pull(id, signal);
          there.add(id);
          await records.remove(id);
        },
      },
      records,
      now: () => NOW,
      options: {},
      log: createLog(() => {}),
      every_ms: 20,
    });
    const all = (id = "a") => Array.fromAsync(downloads.events(id, never));
    return { downloads, all, records };
  }

  const untilAborted = async (signal: AbortSignal): Promise<never> => {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    throw signal.reason;
  };

  test("tell a listener the newest of many steps, and never lose the last one", async () => {
    const { downloads, all } = jobs(async function* () {
      for (let bytes = 1; bytes <= 20_000; bytes++) {
        yield { source: "hub", bytes, total: 20_000 };
        if (bytes % 1000 === 0) await Bun.sleep(5);
      }
    });
    await downloads.start("a");
    const events = await all();
    expect(events.length).toBeLessThan(20);
    expect(events.map(({ bytes }) => bytes)).toEqual(events.map(({ bytes }) => bytes).toSorted((a, b) => a - b));
    expect(events.filter(({ state }) => state !== "downloading")).toEqual([events.at(-1)!]);
    expect(events.at(-1)).toMatchObject({ state: "done", source: "hub" });
    expect(events.at(-2)!.rate).toBeGreaterThan(0);
  });

  test("say why the source before was given up, also to a listener who has missed the moment", async () => {
    const { downloads, all } = jobs(async function* () {
      yield { source: "hub", bytes: 0 };
      yield { source: "pip", bytes: 0, problem: "The hub is gone." };
      for (let bytes = 1; bytes < 20; bytes++) yield { source: "pip", bytes };
      await Bun.sleep(60);
    });
    await downloads.start("a");
    const told = (await all()).filter(({ source }) => source === "pip");
    expect(told.map(({ problem }) => problem)).toEqual(told.map(() => "The hub is gone."));
    expect(told.length).toBeGreaterThan(1);
  });

  test("tell a listener who is slow what has become of it", async () => {
    const { downloads } = jobs(async function* () {
      yield { source: "hub", bytes: 1 };
    });
    await downloads.start("a");
    const seen: DownloadEvent["state"][] = [];
    for await (const { state } of downloads.events("a", never)) {
      seen.push(state);
      await Bun.sleep(50);
    }
    expect(seen).toEqual(["downloading", "done"]);
  });

  test("let a listener go at once", async () => {
    const { downloads } = jobs(async function* (_, signal) {
      yield { source: "hub", bytes: 1 };
      await untilAborted(signal);
    });
    await downloads.start("a");
    const client = new AbortController();
    const events = downloads.events("a", client.signal);
    await events.next();
    const next = events.next();
    client.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    await downloads.close();
  });

  test("that are being stopped are not joined: the next start begins anew", async () => {
    let begun = 0;
    const { downloads, all } = jobs(async function* (_, signal) {
      if (begun++ > 0) return;
      yield { source: "hub", bytes: 1 };
      // A part that takes its time to be closed.
      await untilAborted(signal).catch(async (reason) => (await Bun.sleep(30), Promise.reject(reason)));
    });
    await downloads.start("a");
    const cancelling = downloads.cancel("a");
    expect(await downloads.start("a")).toBe("started");
    expect(await cancelling).toBe(true);
    expect((await all()).at(-1)).toMatchObject({ state: "done" });
    expect(begun).toBe(2);
  });

  test("are remembered when they failed, the last hundred", async () => {
    const { downloads } = jobs(() => {
      throw new Error("/home/me/secret");
    });
    for (let n = 0; n < 101; n++) await downloads.start(`m${n}`);
    await eventually("all have failed", () => downloads.state("m100") === "failed");
    expect([downloads.state("m0"), downloads.state("m1")]).toEqual([undefined, "failed"]);
    const [event] = await Array.fromAsync(downloads.events("m1", never));
    expect(event!.error).toMatchObject({ code: "server_error", message: expect.not.stringContaining("secret") });
  });

  test("end with the server, and none begins afterwards", async () => {
    const { downloads, all } = jobs(async function* (_, signal) {
      yield { source: "hub", bytes: 1 };
      await untilAborted(signal);
    });
    await Promise.all([downloads.start("a"), downloads.start("b")]);
    const listening = all("b");
    await downloads.close();
    expect((await listening).at(-1)).toMatchObject({ state: "cancelled", bytes: 1 });
    expect([downloads.state("a"), downloads.state("b")]).toEqual(["cancelled", "cancelled"]);
    await expect(downloads.start("a")).rejects.toMatchObject({ status: 503, code: "server_stopping" });
    await downloads.close();
  });

  test("are kept: the next server goes on with what this one was at, and with nothing else", async () => {
    const endless = async function* (_: string, signal: AbortSignal) {
      yield { source: "hub", bytes: 1 };
      await untilAborted(signal);
    };
    const first = jobs(endless);
    await first.downloads.start("a");
    await first.downloads.start("b");
    await first.downloads.cancel("b");
    await first.downloads.close();
    const states = async () => (await first.records.getMany(await first.records.ids())).map(({ id, state }) => [id, state]);
    expect(await states()).toEqual([
      ["a", "downloading"],
      ["b", "cancelled"],
    ]);

    const begun: string[] = [];
    const next = jobs(async function* (id) {
      begun.push(id);
      yield { source: "hub", bytes: 2 };
    }, first.records);
    expect(await next.all("b")).toMatchObject([{ model_id: "b", state: "cancelled" }]);
    await next.downloads.resume();
    expect((await next.all("a")).at(-1)).toMatchObject({ state: "done" });
    expect(begun).toEqual(["a"]);
    expect(await states()).toEqual([["b", "cancelled"]]);
  });

  test("are kept with the reason why they failed, until somebody tries again", async () => {
    const { downloads, all, records } = jobs(() => {
      throw new DownloadError("checksum_mismatch", "It is another file.");
    });
    await downloads.start("a");
    await eventually("it has failed", async () => (await records.get("a"))?.state === "failed");
    const later = jobs(async function* () {
      yield { source: "hub", bytes: 2 };
      await Bun.sleep(30);
    }, records);
    const error = { message: "It is another file.", code: "checksum_mismatch" };
    expect(await later.all()).toEqual([{ model_id: "a", state: "failed", bytes: 0, rate: 0, source: "", error }]);
    expect(await all()).toMatchObject([{ state: "failed", error }]);
    await later.downloads.start("a");
    expect(await records.get("a")).not.toHaveProperty("error");
    expect((await later.all()).at(-1)).toMatchObject({ state: "done" });
  });

  test("do not begin where they cannot be kept", async () => {
    let pulled = false;
    const { downloads, records } = jobs(async function* () {
      pulled = true;
      yield { source: "hub", bytes: 1 };
    });
    records.patch = async () => {
      throw new ApiError(507, "The disk is full.", { code: "insufficient_storage" });
    };
    await expect(downloads.start("a")).rejects.toMatchObject({ status: 507 });
    await eventually("it has failed", () => downloads.state("a") === "failed");
    expect(pulled).toBe(false);
  });
});
