// How long an idle model stays loaded, what start and stop do, and how the list shows it.
import { describe, expect, test } from "bun:test";
import { AdapterError } from "../../adapters/adapter.ts";
import { later } from "../../src/inference/loading-events.ts";
import { makeModel } from "../support/app.ts";
import { chatOf, makePool, never, settled, thrownBy } from "../support/model-pool.ts";

const FOR_EVER = Number.POSITIVE_INFINITY;
const tiny = makeModel("tiny");

const kept = (keep_alive?: number, more: object = {}) => makePool({ answer: ["x"], keep_alive, ...more });

describe("an idle model", () => {
  test("is unloaded after five minutes without a request, and loaded by the next one", async () => {
    const { chat, clock, pool, loads, log } = kept();
    await chat();
    await clock.pass(200_000);
    await chat();
    await clock.pass(299_999);
    expect([pool.state("tiny"), loads[0]!.closed]).toEqual(["running", false]);
    await clock.pass(1);
    expect([pool.state("tiny"), loads[0]!.closed]).toEqual(["stopped", true]);
    expect(log.find((line) => line.includes("model unloaded"))).toContain('"why":"idle"');
    await chat();
    expect(loads).toHaveLength(2);
  });

  test("with keep_alive 0 is unloaded at once, but after the requests that wait", async () => {
    const { chat, pool, loads, generation, generations } = makePool({ keep_alive: 0, slots: 1 });
    const both = [chat(1), chat(2)];
    (await generation(0)).finish();
    await both[0];
    expect(loads[0]!.closed).toBe(false);
    (await generation(1)).finish();
    await both[1];
    await settled();
    expect([pool.state("tiny"), loads[0]!.closed, loads.length, generations.length]).toEqual(["stopped", true, 1, 2]);
  });

  test("with keep_alive -1 stays loaded", async () => {
    const { chat, clock, pool } = kept(FOR_EVER);
    await chat();
    expect(clock.timers.size).toBe(0);
    await clock.pass(1e9);
    expect(pool.state("tiny")).toBe("running");
  });

  test("stays for the keep_alive of the last request that has one", async () => {
    const { chat, clock, pool } = kept();
    await chat(0, never(), tiny, { keep_alive: 10_000 });
    await chat();
    await clock.pass(9_999);
    expect(pool.state("tiny")).toBe("running");
    await chat(0, never(), tiny, { keep_alive: 20_000 });
    await clock.pass(19_999);
    expect(pool.state("tiny")).toBe("running");
    await clock.pass(1);
    expect(pool.state("tiny")).toBe("stopped");
  });

  test("is not unloaded amid a request that takes longer than its keep_alive", async () => {
    const { chat, clock, pool, generation } = makePool({ keep_alive: 1_000 });
    const running = chat();
    const first = await generation(0);
    await clock.pass(5_000);
    first.say("whole");
    first.finish();
    expect(await running).toBe("whole");
    expect(pool.state("tiny")).toBe("running");
    await clock.pass(1_000);
    expect(pool.state("tiny")).toBe("stopped");
  });

  test("leaves no timer behind when it dies or the server stops", async () => {
    const { chat, clock, pool, load } = kept();
    await chat();
    (await load(0)).die(new AdapterError("engine_crashed", "gone"));
    await clock.pass(300_000);
    await chat();
    await pool.close(0);
    expect(clock.timers.size).toBe(0);
  });

  test("is unloaded by the runtime's own timers too", async () => {
    const { chat, pool } = kept(20, { later });
    await chat();
    expect(pool.state("tiny")).toBe("running");
    await new Promise((done) => setTimeout(done, 200));
    expect(pool.state("tiny")).toBe("stopped");
  });
});

describe("a pinned model", () => {
  test.each(["by the settings", "by start"])("that is pinned %s stays loaded", async (how) => {
    const { chat, clock, pool } = kept(1_000, how === "by start" ? {} : { pinned: ["tiny"] });
    if (how === "by start") await pool.start(tiny, { pinned: true }, never());
    await chat(0, never(), tiny, { keep_alive: 0 });
    await clock.pass(1e6);
    expect(pool.list()).toMatchObject([{ state: "running", pinned: true, expires_at: null }]);
  });

  test("may be unpinned, and unload() unloads it", async () => {
    const { clock, pool, chat } = kept(1_000, { pinned: ["tiny"] });
    await pool.start(tiny, { pinned: false }, never());
    await clock.pass(1_000);
    expect(pool.state("tiny")).toBe("stopped");
    await pool.start(tiny, { pinned: true }, never());
    await pool.unload("tiny");
    expect(pool.state("tiny")).toBe("stopped");
    await chat();
    expect(pool.list()).toMatchObject([{ pinned: true }]); // as the settings say
    const other = makeModel("other");
    await pool.start(other, { pinned: true }, never());
    await pool.unload("other");
    await pool.start(other, {}, never());
    expect(pool.list()).toMatchObject([{ id: "other", pinned: false }, { id: "tiny" }]);
  });
});

describe("start and stop", () => {
  test("start shares the load of requests, and answers when the model is loaded", async () => {
    const { chat, pool, load, loads, generation } = makePool({ hold_loads: true });
    let started = false;
    const starting = pool.start(tiny, {}, never()).then(() => (started = true));
    const asked = chat();
    const loading = await load(0);
    expect([started, pool.state("tiny")]).toEqual([false, "loading"]);
    loading.succeed();
    await starting;
    (await generation(0)).finish();
    await asked;
    await pool.start(tiny, {}, never());
    expect(loads).toHaveLength(1);
  });

  test("start takes no slot, and its keep_alive counts from there", async () => {
    const { chat, clock, pool, generation } = makePool({ slots: 1, queue: 0 });
    const running = chat();
    await generation(0);
    await pool.start(tiny, { keep_alive: 2_000 }, never());
    (await generation(0)).finish();
    await running;
    await clock.pass(2_000);
    expect(pool.state("tiny")).toBe("stopped");
  });

  test("start ends when its client leaves, and the load goes on", async () => {
    const { pool, load } = makePool({ hold_loads: true });
    const client = new AbortController();
    const starting = thrownBy(pool.start(tiny, {}, client.signal));
    const loading = await load(0);
    client.abort(new Error("gone"));
    expect((await starting).message).toBe("gone");
    loading.succeed();
    await settled();
    expect(pool.state("tiny")).toBe("running");
  });

  test("stop, start and stop at once are each answered, and the last one counts", async () => {
    const { chat, pool, load, loads, generation } = makePool();
    const running = chat();
    await generation(0);
    const first = pool.unload("tiny");
    const started = pool.start(tiny, {}, never());
    await started;
    expect([
      loads.length,
      pool
        .list()
        .map(({ state }) => state)
        .toSorted(),
    ]).toEqual([2, ["running", "stopping"]]);
    const second = pool.unload("tiny");
    (await generation(0)).finish();
    await Promise.all([running, first, second]);
    expect([pool.state("tiny"), pool.list()]).toEqual(["stopped", []]);
    expect([(await load(0)).closed, (await load(1)).closed]).toEqual([true, true]);
  });

  test("stop amid a start lets it finish, then unloads", async () => {
    const { pool, load } = makePool({ hold_loads: true });
    const starting = pool.start(tiny, {}, never());
    const loading = await load(0);
    const stopping = pool.unload("tiny");
    loading.succeed();
    await Promise.all([starting, stopping]);
    expect([loading.closed, pool.list()]).toEqual([true, []]);
  });

  test("start is refused when the server stops", async () => {
    const { pool } = makePool();
    await pool.close(0);
    expect(await thrownBy(pool.start(tiny, {}, never()).then(() => "started"))).toMatchObject({ code: "server_stopping" });
  });
});

describe("a stream that waits for a load", () => {
  test("gets a loading event after five seconds, then every two", async () => {
    const { clock, pool, load, generation } = makePool({ hold_loads: true });
    const types: string[] = [];
    const reading = (async () => {
      for await (const { type } of chatOf(pool, tiny)) types.push(type);
    })();
    const loading = await load(0);
    await clock.pass(4_999);
    expect(types).toEqual([]);
    await clock.pass(1);
    await clock.pass(1_999);
    expect(types).toEqual(["loading"]);
    await clock.pass(1);
    loading.succeed();
    (await generation(0)).finish();
    await reading;
    expect(types).toEqual(["loading", "loading", "finish"]);
    expect([...clock.timers].length).toBe(1); // its keep_alive
  });

  test("ends at once when its client leaves between two events", async () => {
    const { clock, pool, load } = makePool({ hold_loads: true });
    const client = new AbortController();
    const events = chatOf(pool, tiny, { signal: client.signal });
    const first = events.next();
    await load(0);
    await clock.pass(5_000);
    await first;
    client.abort(new Error("gone"));
    expect((await thrownBy(events.next())).message).toBe("gone");
    expect(pool.list()).toMatchObject([{ state: "loading", busy: 0 }]);
  });
});

test("the list shows running and queued requests, idle time and expiry", async () => {
  const { chat, clock, pool, generation } = makePool({ slots: 1, context: 512 });
  expect(pool.list()).toEqual([]);
  const both = [chat(1), chat(2)];
  await generation(0);
  const row = {
    id: "tiny",
    object: "engine",
    state: "running",
    adapter: "fake",
    memory_bytes: null,
    context_length: 512,
    slots: 1,
    pinned: false,
  };
  expect(pool.list()).toEqual([{ ...row, busy: 1, queued: 1, idle_s: 0, expires_at: null } as never]);
  (await generation(0)).finish();
  (await generation(1)).finish();
  await Promise.all(both);
  await clock.pass(7_900);
  expect(pool.list()).toEqual([{ ...row, busy: 0, queued: 0, idle_s: 7, expires_at: 1_300 } as never]);
});
