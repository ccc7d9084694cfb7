// As many downloads as have a place run at a time; the others wait in their order.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { download } from "../../models/download/download.ts";
import { DownloadError, SourceError } from "../../models/download-errors.ts";
import type { DownloadOptions, DownloadProgress } from "../../models/sources/source.ts";
import { createDownloadJobs, type DownloadJobs, type DownloadJobsOptions } from "../../src/library/download-jobs.ts";
import { createLog } from "../../src/support/log/log.ts";
import { makeApp, makeModel, NOW } from "../support/app.ts";
import { eventually } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const never = new AbortController().signal;
type Fetch = (id: string, options: DownloadOptions, signal: AbortSignal) => AsyncIterable<DownloadProgress>;

/** Jobs over steps of the test's own; `begun` has their ids in the order in which they ran. */
function makeJobs(
  fetch: Fetch,
  { records = makeApp().store.downloads, options = {}, ...more }: Partial<DownloadJobsOptions> = {},
) {
  const there = new Set<string>();
  const begun: string[] = [];
  const jobs = createDownloadJobs({
    library: {
      planDownload: async (id) => (there.has(id) ? undefined : { model: makeModel(id) }),
      get: async (id) => makeModel(id, { files: [{ name: "weights.gguf", sources: [], size: 20_000 }] }),
      async *install(id, options, signal) {
        begun.push(id);
        yield* fetch(id, options, signal);
        there.add(id);
        await records.remove(id);
      },
    },
    records,
    now: () => NOW,
    options,
    log: createLog(() => {}),
    every_ms: 5,
    ...more,
  });
  const states = (...ids: string[]) => ids.map((id) => jobs.state(id));
  return { jobs, begun, records, states };
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });

/** Each goes on until the test ends it. */
function endless() {
  const ends = new Map<string, () => void>();
  const fetch: Fetch = async function* (id, _, signal) {
    yield { source: "hub", bytes: 1, total: 2 };
    await Promise.race([new Promise<void>((resolve) => ends.set(id, resolve)), untilAborted(signal)]);
  };
  return { fetch, end: (id: string) => ends.get(id)!() };
}

const ended = async (jobs: DownloadJobs, id: string) => (await Array.fromAsync(jobs.events(id, never))).at(-1);

describe("F-112: more downloads than have a place", () => {
  test("are queued, and begin in their order as others end", async () => {
    const { fetch, end } = endless();
    const { jobs, begun, states } = makeJobs(fetch);
    for (const id of ["a", "b", "c", "d"]) expect(await jobs.start(id)).toBe("started");
    expect(states("a", "b", "c", "d")).toEqual(["downloading", "downloading", "queued", "queued"]);
    expect(await jobs.start("d")).toBe("running");
    const [first] = await Array.fromAsync(jobs.events("c", AbortSignal.timeout(20)));
    expect(first).toEqual({ model_id: "c", state: "queued", bytes: 0, rate: 0, source: "" });
    end("b");
    expect(await ended(jobs, "b")).toMatchObject({ state: "done" });
    await eventually("c runs", () => jobs.state("c") === "downloading");
    expect(states("a", "c", "d")).toEqual(["downloading", "downloading", "queued"]);
    end("a");
    await eventually("d runs", () => jobs.state("d") === "downloading");
    expect(begun).toEqual(["a", "b", "c", "d"]);
    await jobs.close();
  });

  test("run one at a time where that is set", async () => {
    const { fetch } = endless();
    const { jobs, states } = makeJobs(fetch, { most: 1 });
    await Promise.all(["a", "b"].map(jobs.start));
    expect(states("a", "b").toSorted()).toEqual(["downloading", "queued"]);
    await jobs.close();
  });

  test("never run together in a greater number, however many are asked for at once", async () => {
    let [running, most, done] = [0, 0, 0];
    const { jobs } = makeJobs(async function* () {
      most = Math.max(most, ++running);
      yield { source: "hub", bytes: 1 };
      await Bun.sleep(1);
      running--;
      done++;
    });
    const ids = Array.from({ length: 200 }, (_, n) => `m${n}`);
    await Promise.all(ids.map(jobs.start));
    await eventually("all are done", () => done === ids.length);
    expect(most).toBe(2);
  });

  test("can be stopped while they wait, and the others move up", async () => {
    const { fetch, end } = endless();
    const { jobs, begun, states, records } = makeJobs(fetch, { most: 1 });
    for (const id of ["a", "b", "c"]) await jobs.start(id);
    const listening = ended(jobs, "b");
    expect(await jobs.cancel("b")).toBe(true);
    expect(await listening).toMatchObject({ state: "cancelled" });
    expect(states("a", "b", "c")).toEqual(["downloading", "cancelled", "queued"]);
    expect((await records.get("b"))?.state).toBe("cancelled");
    end("a");
    await eventually("c runs", () => jobs.state("c") === "downloading");
    expect(begun).toEqual(["a", "c"]);
    await jobs.close();
  });

  test("wait on in the next server, in the order in which they were asked for", async () => {
    const { fetch } = endless();
    const first = makeJobs(fetch, { most: 1 });
    for (const id of ["z", "y", "b", "a"]) await first.jobs.start(id);
    await first.jobs.cancel("b");
    await first.jobs.close();
    expect(first.begun).toEqual(["z"]);
    const second = makeJobs(
      async function* () {
        yield { source: "hub", bytes: 1 };
      },
      { most: 1, records: first.records },
    );
    await second.jobs.resume();
    await eventually("all are done", async () => (await first.records.ids()).length === 1);
    expect(second.begun).toEqual(["z", "y", "a"]);
    expect((await first.records.get("b"))?.state).toBe("cancelled");
  });

  test("that cannot be kept give their place to the next one", async () => {
    const { fetch } = endless();
    const { jobs, records, states } = makeJobs(fetch, { most: 1 });
    const { patch } = records;
    records.patch = async () => Promise.reject(new Error("no disk"));
    await expect(jobs.start("a")).rejects.toThrow("no disk");
    await eventually("a has failed", () => jobs.state("a") === "failed");
    records.patch = patch;
    await jobs.start("b");
    expect(states("b")).toEqual(["downloading"]);
    await jobs.close();
  });
});

describe("a download whose storage goes away", () => {
  /** The first transfer stands still; the second one ends well. */
  const twice = (first: (signal: AbortSignal) => Promise<void>): Fetch => {
    let transfers = 0;
    return async function* (_, __, signal) {
      yield { source: "hub", bytes: 1, total: 2 };
      if (++transfers === 1) await first(signal);
    };
  };

  test("waits for those who listen, and goes on when the storage is back", async () => {
    const { jobs, begun, states } = makeJobs(twice(untilAborted));
    await jobs.start("a");
    const seen = Array.fromAsync(jobs.events("a", never));
    await eventually("a runs", () => jobs.state("a") === "downloading");
    jobs.suspend();
    await eventually("a waits", () => jobs.state("a") === "queued");
    expect(begun).toEqual(["a"]);
    await Bun.sleep(20);
    expect(states("a")).toEqual(["queued"]);
    jobs.unsuspend();
    const events = await seen;
    expect(new Set(events.map(({ state }) => state))).toEqual(new Set(["downloading", "queued", "done"]));
    expect(begun).toEqual(["a", "a"]);
  });

  test("waits too where the transfer finds that out first", async () => {
    const { jobs, records } = makeJobs(twice(() => Promise.reject(new Error("ENOENT"))));
    await jobs.start("a");
    const { patch } = records;
    records.patch = (...args) => {
      jobs.suspend();
      records.patch = patch;
      return Promise.reject(new Error(`no ${args[0]}`));
    };
    await eventually("a waits", () => jobs.state("a") === "queued" && records.patch === patch);
    expect((await records.get("a"))?.state).toBe("downloading");
    jobs.unsuspend();
    expect(await ended(jobs, "a")).toMatchObject({ state: "done" });
  });

  test("can be cancelled meanwhile", async () => {
    const { jobs } = makeJobs(twice(untilAborted));
    await jobs.start("a");
    jobs.suspend();
    await eventually("a waits", () => jobs.state("a") === "queued");
    expect(await jobs.cancel("a")).toBe(true);
    expect(await ended(jobs, "a")).toMatchObject({ state: "cancelled" });
  });
});

describe("a job that fails where waiting may help", () => {
  const HOUR = 3_600_000;
  /** Fails until it is told to succeed; `waits` has the pauses, by which the clock moves. */
  function failing(retry_ms: number | undefined, mostFails: number, { records = makeApp().store.downloads, from = NOW } = {}) {
    const waits: number[] = [];
    let time = from;
    let fails = 0;
    const made = makeJobs(
      async function* () {
        yield { source: "hub", bytes: 0 };
        if (fails++ < mostFails) throw new DownloadError("download_failed", "It answered 503.", { retry_ms });
      },
      { records, now: () => time, options: { wait: async (ms) => void (waits.push(ms), (time += ms / 1000)) } },
    );
    return { ...made, waits, now: () => time };
  }

  test("tries again after pauses that grow to a quarter of an hour, and is done in the end", async () => {
    const { jobs, waits } = failing(0, 14);
    await jobs.start("a");
    expect(await ended(jobs, "a")).toMatchObject({ state: "done" });
    expect(waits.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
    expect(waits.slice(-5)).toEqual([512_000, 900_000, 900_000, 900_000, 900_000]);
  });

  test("gives up after a day, for the reason of the last try", async () => {
    const { jobs, waits } = failing(0, Infinity);
    await jobs.start("a");
    expect(await ended(jobs, "a")).toMatchObject({ state: "failed", error: { message: "It answered 503." } });
    const waited = waits.reduce((sum, ms) => sum + ms);
    expect(waited).toBeLessThanOrEqual(24 * HOUR);
    expect(waited).toBeGreaterThan(23.7 * HOUR);
  });

  test("counts the day from its record, also in the next server", async () => {
    const { store } = makeApp();
    await store.downloads.put({
      ...{ id: "a", object: "model.download", created_at: NOW, state: "downloading", model: makeModel("a") },
      failing_since: NOW - 23 * 3600,
    });
    const { jobs, waits } = failing(0, Infinity, { records: store.downloads });
    await jobs.resume();
    expect(await ended(jobs, "a")).toMatchObject({ state: "failed" });
    expect(waits.reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(HOUR);
  });

  test("waits as long as the source asks for, and fails at once where that is beyond the day", async () => {
    const patient = failing(2 * HOUR, 1);
    await patient.jobs.start("a");
    expect(await ended(patient.jobs, "a")).toMatchObject({ state: "done" });
    expect(patient.waits).toEqual([2 * HOUR]);
    const late = failing(25 * HOUR, 1);
    await late.jobs.start("a");
    expect(await ended(late.jobs, "a")).toMatchObject({ state: "failed" });
    expect(late.waits).toEqual([]);
  });

  test("fails at once where waiting mends nothing", async () => {
    const { jobs, waits } = failing(undefined, 1);
    await jobs.start("a");
    expect(await ended(jobs, "a")).toMatchObject({ state: "failed" });
    expect(waits).toEqual([]);
  });

  test("says meanwhile that it waits, why, and until when", async () => {
    const { jobs } = makeJobs(
      async function* () {
        yield { source: "hub", bytes: 1 };
        throw new DownloadError("download_failed", "10.0.0.1 said 503.", { public_message: "It answered 503.", retry_ms: 5000 });
      },
      { options: { wait: (_, signal) => untilAborted(signal) } },
    );
    await jobs.start("a");
    await eventually("a waits", () => jobs.state("a") === "waiting");
    const [event] = await Array.fromAsync(jobs.events("a", AbortSignal.timeout(20)));
    expect(event).toMatchObject({ state: "waiting", problem: "It answered 503.", retry_at: NOW + 5, bytes: 1 });
    expect(await jobs.cancel("a")).toBe(true);
  });
});

describe("F-113: a download that gets nowhere", () => {
  test("gives its place away while it waits before another try, and is the next one afterwards", async () => {
    const pause = Promise.withResolvers<void>();
    const { fetch, end } = endless();
    const { jobs, states } = makeJobs(
      async function* (id, options, signal) {
        if (id === "a") await options.wait!(60_000, signal);
        yield* fetch(id, options, signal);
      },
      { most: 1, options: { wait: () => pause.promise } },
    );
    for (const id of ["a", "b", "c"]) await jobs.start(id);
    await eventually("b runs", () => jobs.state("b") === "downloading");
    expect(states("a", "b", "c")).toEqual(["waiting", "downloading", "queued"]);
    pause.resolve();
    await Bun.sleep(20);
    expect(states("a", "b", "c")).toEqual(["queued", "downloading", "queued"]);
    end("b");
    await eventually("a goes on", () => jobs.state("a") === "downloading");
    expect(states("a", "c")).toEqual(["downloading", "queued"]);
    await jobs.close();
  });

  test("can be stopped while it waits before another try", async () => {
    const { jobs } = makeJobs(async function* (_, options, signal) {
      yield { source: "hub", bytes: 7 };
      await options.wait!(60_000, signal);
    });
    await jobs.start("a");
    await eventually("it waits", () => jobs.state("a") === "waiting");
    expect(await jobs.cancel("a")).toBe(true);
  });

  test("leaves its place to the next one and goes to the end, as long as others wait", async () => {
    let turns = 0;
    const { fetch, end } = endless();
    const { jobs, begun } = makeJobs(
      async function* (id, options, signal) {
        if (id !== "slow") return yield* fetch(id, options, signal);
        turns++;
        for (let bytes = 0; ; bytes++) {
          yield { source: "drip", bytes, total: 1e9 };
          await Promise.race([Bun.sleep(5), untilAborted(signal)]);
        }
      },
      { most: 1, slow_ms: 60 },
    );
    for (const id of ["slow", "b"]) await jobs.start(id);
    await eventually("b runs", () => jobs.state("b") === "downloading");
    expect(jobs.state("slow")).toBe("queued");
    end("b");
    await eventually("the slow one goes on", () => jobs.state("slow") === "downloading");
    await Bun.sleep(150);
    // Nobody else waits now.
    expect([turns, jobs.state("slow")]).toEqual([2, "downloading"]);
    expect(begun).toEqual(["slow", "b", "slow"]);
    await jobs.close();
  });

  test("keeps its place while what it has is checked, however long that takes", async () => {
    const { jobs, states } = makeJobs(
      async function* (_id, _options, signal) {
        yield { source: "hub", bytes: 5, total: 5, checking: true };
        await untilAborted(signal);
      },
      { most: 1, slow_ms: 20 },
    );
    for (const id of ["a", "b"]) await jobs.start(id);
    await Bun.sleep(100);
    expect(states("a", "b")).toEqual(["downloading", "queued"]);
    await jobs.close();
  });
});

describe("the thread of a large file", () => {
  const root = mkdtempSync(join(tmpdir(), "ingle-queue-"));
  const bytes = Buffer.alloc(20 << 20);
  bytes.set(tinyGguf());
  let asked = 0;
  let answer: (response: ServerResponse) => void;
  const server = createServer((_, response) => (asked++, answer(response)));
  beforeEach(() => void (asked = 0));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(root, { recursive: true, force: true });
  });
  const fileOf = async () => {
    if (!server.listening) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.gguf`;
    return { name: "m.gguf", size: bytes.length, sources: [{ type: "url" as const, url }] };
  };

  test("F-113: waits before another try where its job does", async () => {
    answer = (response) =>
      asked === 1 ? response.writeHead(500).end() : response.writeHead(200, { "content-length": bytes.length }).end(bytes);
    const waits: [number, number][] = [];
    const wait = async (ms: number) => void waits.push([ms, asked]);
    const options = { wait, allow_private: true };
    const steps = await Array.fromAsync(download(await fileOf(), join(root, "a", "m.gguf"), options, never));
    expect(steps.at(-1)).toMatchObject({ bytes: bytes.length });
    expect(waits).toEqual([[500, 1]]);
  });

  test("ends with the reason why its job does not wait", async () => {
    answer = (response) => response.writeHead(500).end();
    const wait = () => Promise.reject(new SourceError("no second try"));
    const steps = Array.fromAsync(download(await fileOf(), join(root, "b", "m.gguf"), { wait, allow_private: true }, never));
    await expect(steps).rejects.toThrow("no second try");
    expect(asked).toBe(1);
  });
});

test("a model that was brought is told of once, and one whose job failed is not", async () => {
  const installed: string[] = [];
  const fetch: Fetch = async function* (id) {
    yield { source: "hub", bytes: 1, total: 2 };
    if (id === "bad") throw new DownloadError("download_failed", "No.");
  };
  const { jobs } = makeJobs(fetch, { onInstalled: ({ id }) => void installed.push(id) });
  for (const id of ["good", "bad"]) {
    await jobs.start(id);
    await ended(jobs, id);
  }
  expect(installed).toEqual(["good"]);
});
