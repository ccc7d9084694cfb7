// How long a model stays loaded that nobody uses, what start and stop do, and what is told of it all.
import { describe, expect, test } from "bun:test";
import { AdapterError } from "../../adapters/adapter.ts";
import { later } from "../../src/inference/wait.ts";
import { makeModel } from "../support/app.ts";
import { makeEngines, never, settled, thrownBy } from "../support/engines.ts";
import { ask } from "../support/models.ts";

const FOR_EVER = Number.POSITIVE_INFINITY;
const tiny = makeModel("tiny");

const kept = (keep_alive?: number, more: object = {}) => makeEngines({ answer: ["x"], keep_alive, ...more });

describe("an idle model", () => {
  test("is unloaded after five minutes without a turn, and loaded by the next one", async () => {
    const { chat, clock, engines, loads, log } = kept();
    await chat();
    await clock.pass(200_000);
    await chat();
    await clock.pass(299_999);
    expect([engines.state("tiny"), loads[0]!.closed]).toEqual(["running", false]);
    await clock.pass(1);
    expect([engines.state("tiny"), loads[0]!.closed]).toEqual(["stopped", true]);
    expect(log.find((line) => line.includes("model unloaded"))).toContain('"why":"idle"');
    await chat();
    expect(loads).toHaveLength(2);
  });

  test("with 0 is unloaded at once, but not before the turns that wait", async () => {
    const { chat, engines, loads, turn, turns } = makeEngines({ keep_alive: 0, slots: 1 });
    const both = [chat(1), chat(2)];
    (await turn(0)).finish();
    await both[0];
    expect(loads[0]!.closed).toBe(false);
    (await turn(1)).finish();
    await both[1];
    await settled();
    expect([engines.state("tiny"), loads[0]!.closed, loads.length, turns.length]).toEqual(["stopped", true, 1, 2]);
  });

  test("with -1 stays", async () => {
    const { chat, clock, engines } = kept(FOR_EVER);
    await chat();
    expect(clock.timers.size).toBe(0);
    await clock.pass(1e9);
    expect(engines.state("tiny")).toBe("running");
  });

  test("stays as long as the last request that said so wants", async () => {
    const { chat, clock, engines } = kept();
    await chat(0, never(), tiny, { keep_alive: 10_000 });
    await chat();
    await clock.pass(9_999);
    expect(engines.state("tiny")).toBe("running");
    await chat(0, never(), tiny, { keep_alive: 20_000 });
    await clock.pass(19_999);
    expect(engines.state("tiny")).toBe("running");
    await clock.pass(1);
    expect(engines.state("tiny")).toBe("stopped");
  });

  test("a time that is over amid a turn does not cut it", async () => {
    const { chat, clock, engines, turn } = makeEngines({ keep_alive: 1_000 });
    const running = chat();
    const first = await turn(0);
    await clock.pass(5_000);
    first.say("whole");
    first.finish();
    expect(await running).toBe("whole");
    expect(engines.state("tiny")).toBe("running");
    await clock.pass(1_000);
    expect(engines.state("tiny")).toBe("stopped");
  });

  test("leaves no timer behind when it dies or the server stops", async () => {
    const { chat, clock, engines, load } = kept();
    await chat();
    (await load(0)).die(new AdapterError("engine_crashed", "gone"));
    await clock.pass(300_000);
    await chat();
    await engines.close(0);
    expect(clock.timers.size).toBe(0);
  });

  test("the runtime's own clock does the same", async () => {
    const { chat, engines } = kept(20, { later });
    await chat();
    expect(engines.state("tiny")).toBe("running");
    await new Promise((done) => setTimeout(done, 200));
    expect(engines.state("tiny")).toBe("stopped");
  });
});

describe("a pinned model", () => {
  test.each(["by the settings", "by start"])("%s, stays loaded", async (how) => {
    const { chat, clock, engines } = kept(1_000, how === "by start" ? {} : { pinned: ["tiny"] });
    if (how === "by start") await engines.start(tiny, { pinned: true }, never());
    await chat(0, never(), tiny, { keep_alive: 0 });
    await clock.pass(1e6);
    expect(engines.list()).toMatchObject([{ state: "running", pinned: true, expires_at: null }]);
  });

  test("may be let loose again, and is stopped when asked", async () => {
    const { clock, engines, chat } = kept(1_000, { pinned: ["tiny"] });
    await engines.start(tiny, { pinned: false }, never());
    await clock.pass(1_000);
    expect(engines.state("tiny")).toBe("stopped");
    await engines.start(tiny, { pinned: true }, never());
    await engines.unload("tiny");
    expect(engines.state("tiny")).toBe("stopped");
    await chat();
    expect(engines.list()).toMatchObject([{ pinned: true }]); // as the settings say
    const other = makeModel("other");
    await engines.start(other, { pinned: true }, never());
    await engines.unload("other");
    await engines.start(other, {}, never());
    expect(engines.list()).toMatchObject([{ id: "other", pinned: false }, { id: "tiny" }]);
  });
});

describe("start and stop", () => {
  test("start loads once beside requests, and answers when it is loaded", async () => {
    const { chat, engines, load, loads, turn } = makeEngines({ hold_loads: true });
    let started = false;
    const starting = engines.start(tiny, {}, never()).then(() => (started = true));
    const asked = chat();
    const loading = await load(0);
    expect([started, engines.state("tiny")]).toEqual([false, "loading"]);
    loading.succeed();
    await starting;
    (await turn(0)).finish();
    await asked;
    await engines.start(tiny, {}, never());
    expect(loads).toHaveLength(1);
  });

  test("start takes no slot, and its keep_alive counts from there", async () => {
    const { chat, clock, engines, turn } = makeEngines({ slots: 1, queue: 0 });
    const running = chat();
    await turn(0);
    await engines.start(tiny, { keep_alive: 2_000 }, never());
    (await turn(0)).finish();
    await running;
    await clock.pass(2_000);
    expect(engines.state("tiny")).toBe("stopped");
  });

  test("who asked for a start and leaves is let go, and the load goes on", async () => {
    const { engines, load } = makeEngines({ hold_loads: true });
    const client = new AbortController();
    const starting = thrownBy(engines.start(tiny, {}, client.signal));
    const loading = await load(0);
    client.abort(new Error("gone"));
    expect((await starting).message).toBe("gone");
    loading.succeed();
    await settled();
    expect(engines.state("tiny")).toBe("running");
  });

  test("stop, start and stop at once: each is answered, and the last word counts", async () => {
    const { chat, engines, load, loads, turn } = makeEngines();
    const running = chat();
    await turn(0);
    const first = engines.unload("tiny");
    const started = engines.start(tiny, {}, never());
    await started;
    expect([
      loads.length,
      engines
        .list()
        .map(({ state }) => state)
        .toSorted(),
    ]).toEqual([2, ["running", "stopping"]]);
    const second = engines.unload("tiny");
    (await turn(0)).finish();
    await Promise.all([running, first, second]);
    expect([engines.state("tiny"), engines.list()]).toEqual(["stopped", []]);
    expect([(await load(0)).closed, (await load(1)).closed]).toEqual([true, true]);
  });

  test("stop amid a start that nobody else waits for lets it finish, and unloads", async () => {
    const { engines, load } = makeEngines({ hold_loads: true });
    const starting = engines.start(tiny, {}, never());
    const loading = await load(0);
    const stopping = engines.unload("tiny");
    loading.succeed();
    await Promise.all([starting, stopping]);
    expect([loading.closed, engines.list()]).toEqual([true, []]);
  });

  test("no start when the server stops", async () => {
    const { engines } = makeEngines();
    await engines.close(0);
    expect(await thrownBy(engines.start(tiny, {}, never()).then(() => "started"))).toMatchObject({ code: "server_stopping" });
  });
});

describe("a stream that waits for a load", () => {
  test("gets a sign of life after five seconds, then every two", async () => {
    const { clock, engines, load, turn } = makeEngines({ hold_loads: true });
    const types: string[] = [];
    const reading = (async () => {
      for await (const { type } of engines.chat(tiny, ask("hi"), never())) types.push(type);
    })();
    const loading = await load(0);
    await clock.pass(4_999);
    expect(types).toEqual([]);
    await clock.pass(1);
    await clock.pass(1_999);
    expect(types).toEqual(["loading"]);
    await clock.pass(1);
    loading.succeed();
    (await turn(0)).finish();
    await reading;
    expect(types).toEqual(["loading", "loading", "finish"]);
    expect([...clock.timers].length).toBe(1); // its keep_alive
  });

  test("and leaves between two of them is let go at once", async () => {
    const { clock, engines, load } = makeEngines({ hold_loads: true });
    const client = new AbortController();
    const events = engines.chat(tiny, ask("hi"), client.signal)[Symbol.asyncIterator]();
    const first = events.next();
    await load(0);
    await clock.pass(5_000);
    await first;
    client.abort(new Error("gone"));
    expect((await thrownBy(events.next())).message).toBe("gone");
    expect(engines.list()).toMatchObject([{ state: "loading", busy: 0 }]);
  });
});

test("the list tells of turns, queue, idleness and the end", async () => {
  const { chat, clock, engines, turn } = makeEngines({ slots: 1, context: 512 });
  expect(engines.list()).toEqual([]);
  const both = [chat(1), chat(2)];
  await turn(0);
  const row = {
    id: "tiny",
    object: "engine",
    state: "running",
    memory_bytes: null,
    context_length: 512,
    slots: 1,
    pinned: false,
  };
  expect(engines.list()).toEqual([{ ...row, busy: 1, queued: 1, idle_s: 0, expires_at: null } as never]);
  (await turn(0)).finish();
  (await turn(1)).finish();
  await Promise.all(both);
  await clock.pass(7_900);
  expect(engines.list()).toEqual([{ ...row, busy: 0, queued: 0, idle_s: 7, expires_at: 1_300 } as never]);
});
