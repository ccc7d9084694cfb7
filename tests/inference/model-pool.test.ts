// The model pool: one load for all requests, slots and the queue, and pool.run.
import { describe, expect, test } from "bun:test";
import { AdapterError } from "../../adapters/adapter.ts";
import { ApiError } from "../../src/http/errors.ts";
import { makeModel, resolve } from "../support/app.ts";
import { USAGE } from "../support/fake-adapter.ts";
import { seriesOf, turnsOf } from "../support/metrics.ts";
import { chatOf, makePool, never, thrownBy } from "../support/model-pool.ts";

describe("a load", () => {
  test("is one for all requests, with the options of the server", async () => {
    const { chat, load, loads, generation } = makePool({ hold_loads: true, threads: 3, context: 512 });
    const both = [chat(1), chat(2)];
    (await load(0)).succeed();
    for (const n of [0, 1]) (await generation(n)).finish();
    await Promise.all(both);
    const third = chat(3);
    (await generation(2)).finish();
    await third;
    expect(loads.map(({ model, options }) => [model, options])).toEqual([
      [resolve(makeModel("tiny")), { slots: 2, context: 512, threads: 3 }],
    ]);
  });

  test.each([
    [undefined, {}, 4096],
    [undefined, { ctx_len: 2048 }, 2048],
    [512, { ctx_len: 2048 }, 512],
  ])("with context %p over settings %j has %d tokens a slot", async (context, settings, expected) => {
    const { chat, loads } = makePool({ context, answer: [] });
    await chat(0, never(), makeModel("tiny", { settings }));
    expect(loads[0]!.options.context).toBe(expected);
  });

  test("has the slots and the context that its memory allows, and no more generations than slots at a time", async () => {
    const need = async () => ({ total: 1, load: { slots: 3, context: 6_144 }, largestContext: () => 6_144 });
    const made = makePool({ hold_loads: true, slots: () => undefined, queue: 9, memory: { need, budget: () => 1 } });
    const { chat, load, generation, generations, pool } = made;
    const all = [1, 2, 3, 4, 5].map((seed) => chat(seed));
    const loading = await load(0);
    loading.succeed();
    await generation(2);
    expect(loading.options).toMatchObject({ slots: 3, context: 6_144 });
    expect(pool.list()).toMatchObject([{ slots: 3, busy: 3, queued: 2 }]);
    expect(generations).toHaveLength(3);
    for (let n = 0; n < 5; n++) (await generation(n)).finish();
    await Promise.all(all);
  });

  test("goes on when the client that began it leaves", async () => {
    const { chat, load, loads, generation, seeds } = makePool({ hold_loads: true });
    const client = new AbortController();
    const gone = new Error("gone");
    const first = chat(1, client.signal);
    const loading = await load(0);
    client.abort(gone);
    expect(await thrownBy(first)).toBe(gone);
    expect(loading.signal.aborted).toBe(false);
    const second = chat(2);
    loading.succeed();
    (await generation(0)).finish();
    await second;
    expect([loads.length, seeds()]).toEqual([1, [2]]);
  });

  test("that fails fails for all requests that wait, and a later one loads again after the back-off", async () => {
    const { chat, load, generation, pool, clock } = makePool({ hold_loads: true });
    const both = [thrownBy(chat()), thrownBy(chat())];
    const reason = new AdapterError("model_load_failed", "The file is damaged.");
    (await load(0)).fail(reason);
    expect(await Promise.all(both)).toEqual([reason, reason]);
    expect(pool.state("tiny")).toBe("stopped");
    clock.ms += 5_000;
    const next = chat();
    (await load(1)).succeed();
    (await generation(0)).finish();
    await next;
  });

  test("B-20: of files that are missing fails with their error, looked for anew each time", async () => {
    const missing = new ApiError(500, "The file is missing.", { code: "model_corrupted", param: "model" });
    const { chat, loads } = makePool({ resolve: () => Promise.reject(missing) });
    for (let n = 0; n < 5; n++) expect(await thrownBy(chat())).toBe(missing);
    expect(loads).toEqual([]);
  });

  test("is shown by state()", async () => {
    const { chat, load, generation, pool } = makePool({ hold_loads: true });
    expect([pool.state("tiny"), pool.state("other")]).toEqual(["stopped", "stopped"]);
    const asked = chat();
    const loading = await load(0);
    expect(pool.state("tiny")).toBe("loading");
    loading.succeed();
    (await generation(0)).finish();
    await asked;
    expect(pool.state("tiny")).toBe("running");
    const died = new Promise((seen) => setTimeout(seen));
    loading.die(new AdapterError("engine_crashed", "gone"));
    await died;
    expect(pool.state("tiny")).toBe("stopped");
  });
});

describe("slots and the queue", () => {
  test("as many requests as slots run, the others follow in the order they came", async () => {
    const { chat, generation, generations, seeds } = makePool();
    const all = [1, 2, 3, 4].map((seed) => chat(seed));
    await generation(1);
    expect(seeds()).toEqual([1, 2]);
    generations[1]!.finish();
    await generation(2);
    expect(seeds()).toEqual([1, 2, 3]);
    generations[2]!.finish();
    await generation(3);
    expect(seeds()).toEqual([1, 2, 3, 4]);
    generations[0]!.finish();
    generations[3]!.finish();
    await Promise.all(all);
  });

  test("a full queue is a 429 with Retry-After, and its place is free again later", async () => {
    const { chat, generation } = makePool({ slots: 1, queue: 1 });
    const first = chat(1);
    await generation(0);
    const second = chat(2);
    expect(await thrownBy(chat(3))).toMatchObject({ status: 429, code: "queue_full", headers: { "retry-after": "2" } });
    (await generation(0)).finish();
    await first;
    const third = chat(4);
    (await generation(1)).finish();
    (await generation(2)).finish();
    await Promise.all([second, third]);
  });

  test("a client that leaves the queue is answered at once, and its place goes to the next", async () => {
    const { chat, generation, seeds } = makePool({ slots: 1, queue: 2 });
    const first = chat(1);
    await generation(0);
    const client = new AbortController();
    const second = thrownBy(chat(2, client.signal));
    const third = chat(3);
    client.abort(new Error("gone"));
    expect((await second).message).toBe("gone");
    const fourth = chat(4);
    for (const n of [0, 1, 2]) (await generation(n)).finish();
    await Promise.all([first, third, fourth]);
    expect(seeds()).toEqual([1, 3, 4]);
  });

  test("a client that leaves in the moment it gets a slot passes the slot on", async () => {
    // Somewhere among these moments the slot has been given and not yet been taken.
    for (let moment = 0; moment < 20; moment++) {
      const { chat, generation, seeds } = makePool({ slots: 1, queue: 2 });
      const client = new AbortController();
      const first = chat(1);
      const running = await generation(0);
      const second = chat(2, client.signal).catch((error: Error) => error.message);
      const third = chat(3);
      running.finish();
      for (let tick = 0; tick < moment; tick++) await Promise.resolve();
      client.abort(new Error("gone"));
      expect(await second).toBe("gone");
      const at = seeds().includes(2) ? 2 : 1;
      (await generation(at)).finish();
      await Promise.all([first, third]);
      expect(seeds()).toEqual(at === 2 ? [1, 2, 3] : [1, 3]);
    }
  });

  test("a client that left before it came takes no slot", async () => {
    const { chat, loads } = makePool({ slots: 1, queue: 0, answer: ["x"] });
    expect((await thrownBy(chat(1, AbortSignal.abort(new Error("gone"))))).message).toBe("gone");
    expect(loads).toEqual([]);
    expect(await chat(2)).toBe("x");
  });

  test.each(["return", "throw", "abort"])("an iteration that is left by %s gives the slot back", async (way) => {
    const { pool, chat, generation } = makePool({ slots: 1, queue: 1 });
    const client = new AbortController();
    const events = chatOf(pool, makeModel("tiny"), { signal: client.signal });
    const first = events.next();
    (await generation(0)).say("one");
    await first;
    const second = chat(2);
    const gone = new Error("gone");
    if (way === "return") await events.return();
    if (way === "throw") expect(await thrownBy(events.throw(gone))).toBe(gone);
    client.abort(gone);
    if (way === "abort") expect(await thrownBy(events.next())).toBe(gone);
    (await generation(1)).finish();
    await second;
  });

  test("a request with use for several slots is admitted once, gets those that are free after the load, and gives all back", async () => {
    const { pool, chat, generation, generations } = makePool({ slots: 4, queue: 4 });
    const first = chat(1);
    await generation(0);
    const got: number[] = [];
    const events = pool.run(makeModel("tiny"), { signal: never(), slots: 8 }, async function* (_engine, _signal, slots) {
      got.push(slots);
      yield { type: "text" };
    });
    await events.next();
    expect(got).toEqual([3]);
    const busy = () => seriesOf(pool.metrics(["tiny"]))['ingle_slots_busy{model="tiny"}'];
    expect([busy(), pool.list()[0]!.queued]).toEqual([4, 0]);
    const waiting = [chat(2), chat(3)];
    expect(pool.list()[0]!.queued).toBe(2);
    await events.return();
    for (const n of [0, 1, 2]) (await generation(n)).finish();
    await Promise.all([first, ...waiting]);
    expect([busy(), generations.length]).toEqual([0, 3]);
    expect(turnsOf(pool.metrics(["tiny"]))).toEqual({ ok: 3, "cancelled decode": 1 });
  });

  test("a request past its deadline gives all its slots back at once, read or not", async () => {
    const { pool, clock } = makePool({ slots: 3, timeout: 1_000 });
    const events = pool.run(makeModel("tiny"), { signal: never(), slots: 3 }, async function* () {
      yield { type: "text" };
    });
    await events.next();
    expect(pool.list()[0]!.busy).toBe(3);
    await clock.pass(1_000);
    expect(pool.list()[0]!.busy).toBe(0);
    expect((await thrownBy(events.next())).message).toContain("not done within");
  });

  test("a use with a single result yields it as its last event, and its tokens are counted", async () => {
    const { pool } = makePool({ slots: 1, queue: 0 });
    const embed = () =>
      pool.run(makeModel("tiny"), { signal: never() }, async function* (engine) {
        yield { type: "finish", usage: USAGE, vectors: [[engine.context_length]] };
      });
    for (let n = 0; n < 2; n++) expect(await Array.fromAsync(embed())).toMatchObject([{ vectors: [[4096]] }]);
    for await (const event of embed()) if (event.type === "finish") break;
    expect(turnsOf(pool.metrics(["tiny"]))).toEqual({ ok: 3 });
    expect(seriesOf(pool.metrics(["tiny"]))).toMatchObject({
      'ingle_prompt_tokens_total{model="tiny"}': 3 * USAGE.prompt_tokens,
    });
  });

  test("two models do not disturb one another", async () => {
    const { chat, generation, load } = makePool({ slots: 1, queue: 0 });
    const one = chat(1, never(), makeModel("one"));
    await generation(0);
    const two = chat(2, never(), makeModel("two"));
    const other = await generation(1);
    expect(other.model).toBe("two");
    (await load(0)).die(new AdapterError("engine_crashed", "one died"));
    expect((await thrownBy(one)).message).toBe("one died");
    other.say("fine");
    other.finish();
    expect(await two).toBe("fine");
  });
});

describe("what takes no slot", () => {
  const lengthOf = (made: ReturnType<typeof makePool>, signal = never()) =>
    Array.fromAsync(
      made.pool.run(makeModel("tiny"), { signal, slots: 0 }, async function* (engine, _signal, slots) {
        yield { type: "finish", context: engine.context_length, slots };
      }),
    );

  test("loads the model and does not wait for those that generate", async () => {
    const made = makePool({ slots: 1, queue: 1, context: 512 });
    const both = [made.chat(1), made.chat(2)];
    await made.generation(0);
    expect(await lengthOf(made)).toEqual([{ type: "finish", context: 512, slots: 0 }]);
    expect(made.pool.list()).toMatchObject([{ busy: 1, queued: 1 }]);
    for (const n of [0, 1]) (await made.generation(n)).finish();
    await Promise.all(both);
  });

  test("is no generation of the metrics, and keeps its model in use", async () => {
    const made = makePool({ answer: [], keep_alive: 1_000 });
    await lengthOf(made);
    expect(turnsOf(made.pool.metrics(["tiny"]))).toEqual({});
    expect(made.pool.state("tiny")).toBe("running");
    await made.clock.pass(1_000);
    expect(made.pool.state("tiny")).toBe("stopped");
  });

  test("ends with its client while the model loads", async () => {
    const made = makePool({ hold_loads: true });
    const client = new AbortController();
    const gone = new Error("gone");
    const asked = lengthOf(made, client.signal);
    await made.load(0);
    client.abort(gone);
    expect(await thrownBy(asked)).toBe(gone);
  });
});
