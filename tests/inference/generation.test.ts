// The course of a generation: where its client may leave, how long it may take, and its metrics.
import { describe, expect, test } from "bun:test";
import { AdapterError, type Adapter, type ChatEvent } from "../../adapters/adapter.ts";
import { echo } from "../../adapters/echo.ts";
import { errorOf, HI, makeApp, makeModel } from "../support/app.ts";
import { chatOf, makePool, settled, thrownBy } from "../support/model-pool.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";
import { framesOf } from "../support/frames.ts";
import { seriesOf, turnsOf } from "../support/metrics.ts";
import { eventually } from "../support/server.ts";

const TINY = makeModel("tiny");

describe("F-71: an adapter whose events end without a finish", () => {
  const text = { type: "text", text: "half of it" } as const;
  const ended = (events: ChatEvent[]) => {
    const cut: Adapter = {
      ...{ name: "cut", capabilities: () => [] },
      load: async () => ({
        ...{ slots: 1, context_length: 512, closed: new Promise(() => {}), close: async () => {} },
        async *chat() {
          yield* events;
        },
      }),
    };
    return makeApp({ adapter: cut });
  };
  const ERROR = {
    message: "The engine ended its answer before it was complete. Try again.",
    ...{ type: "server_error", param: null, code: "engine_crashed" },
  };

  test.each([[[]], [[text]]])("fails as JSON, whatever came before: %j", async (events) => {
    const { chat, pool } = ended(events);
    const answer = await chat();
    expect([answer.status, await answer.json()]).toEqual([502, { error: ERROR }]);
    expect(turnsOf(pool.metrics(["tiny"]))).toEqual({
      [`error ${events.length === 0 ? "prefill" : "decode"} engine_crashed`]: 1,
    });
  });
  test("fails as a stream, with an error as its last event", async () => {
    const { chat } = ended([text]);
    const { data } = await framesOf(await chat({ stream: true }));
    expect(data.at(-1)).toEqual({ error: ERROR });
    expect((await ended([]).chat({ stream: true })).status).toBe(502);
  });
  test("and whose client left is counted as left", async () => {
    const { pool } = ended([]);
    const client = new AbortController();
    client.abort(new Error("gone"));
    expect((await thrownBy(pool.run(TINY, { signal: client.signal }, async function* () {}).next())).message).toBe("gone");
  });
});

describe("a request whose client leaves", () => {
  const made = () => {
    const made = makePool({ slots: 1, queue: 2, hold_loads: true });
    const generations = () => turnsOf(made.pool.metrics(["tiny"]));
    const free = () => expect(made.pool.list()).toMatchObject([{ busy: 0, queued: 0 }]);
    return { ...made, generations, free };
  };

  test("in the queue, while the model loads, in prefill or in decode is counted with that phase, and frees its slot", async () => {
    const { pool, chat, load, generation, generations, free } = made();
    const clients = Array.from({ length: 4 }, () => new AbortController());
    const gone = new Error("gone");
    const loading = thrownBy(chat(0, clients[0]!.signal));
    const queued = thrownBy(chat(1, clients[1]!.signal));
    await load(0);
    clients[1]!.abort(gone);
    clients[0]!.abort(gone);
    expect(await Promise.all([loading, queued])).toEqual([gone, gone]);

    (await load(0)).succeed();
    const prefill = thrownBy(chat(2, clients[2]!.signal));
    (await generation(0)).put({ type: "prompt", read: 5, total: 10 });
    await settled();
    clients[2]!.abort(gone);
    expect(await prefill).toBe(gone);

    const decode = thrownBy(chat(3, clients[3]!.signal));
    (await generation(1)).say("one");
    await settled();
    clients[3]!.abort(gone);
    expect(await decode).toBe(gone);

    const events = chatOf(pool, TINY);
    const first = events.next();
    (await generation(2)).say("one");
    await first;
    await events.return();

    free();
    expect(generations()).toEqual({
      "cancelled queue": 1,
      "cancelled load": 1,
      "cancelled prefill": 1,
      "cancelled decode": 2,
    });
  });

  test("after its last event counts as done", async () => {
    const { pool, load, generation, generations, free } = made();
    const events = chatOf(pool, TINY);
    const first = events.next();
    (await load(0)).succeed();
    (await generation(0)).finish();
    expect(await first).toMatchObject({ value: { type: "finish" } });
    await events.return();
    free();
    expect(generations()).toEqual({ ok: 1 });
  });

  // Echo says a word a millisecond: in the queue is before the first one has ended.
  test.each(["queue", "decode"])("in %s frees its place for the next one", async (phase) => {
    const { chat, pool, request } = makeApp({ adapter: echo(), pool: { slots: 1, queue: 1 } });
    const long = { messages: [{ role: "user", content: "word ".repeat(4000) }], max_tokens: 4000, stream: true };
    const first = await chat(long);
    const client = new AbortController();
    if (phase === "queue") {
      const left = chat(long, { signal: client.signal });
      while (pool.list()[0]!.queued === 0) await settled();
      client.abort();
      await left;
      expect(pool.list()[0]!).toMatchObject({ busy: 1, queued: 0 });
    }
    await first.body!.cancel();
    expect((await chat({ messages: HI })).status).toBe(200);
    expect(pool.list()[0]!).toMatchObject({ busy: 0, queued: 0 });
    const counted = turnsOf(await (await request("/metrics")).text());
    expect(counted).toEqual({ ok: 1, "cancelled decode": 1, ...(phase === "queue" ? { "cancelled queue": 1 } : {}) });
  });
});

describe("a request that takes too long", () => {
  const made = (options: Parameters<typeof makePool>[0] = {}) => makePool({ slots: 1, queue: 2, timeout: 30_000, ...options });
  const late = (...spent: string[]) => ({
    status: 504,
    code: "request_timeout",
    message: `The request was not done within 30 s, the limit of this server: it took ${spent[0]} s in the queue, ${spent[1]} s for its model to load, ${spent[2]} s for its answer. Ask for fewer tokens, or raise --timeout.`,
  });

  test("fails with 504 after its time in queue and engine, and its slot goes to the next one", async () => {
    const { chat, generation, clock, pool } = made();
    const first = thrownBy(chat(1));
    await generation(0);
    await clock.pass(12_000);
    const second = thrownBy(chat(2));
    await clock.pass(18_000);
    expect(await first).toMatchObject(late("0.0", "0.0", "30.0"));
    // The slot goes to the second request at once, whose own time runs.
    await generation(1);
    const third = thrownBy(chat(3));
    await clock.pass(12_000);
    expect(await second).toMatchObject(late("18.0", "0.0", "12.0"));
    await generation(2);
    await clock.pass(18_000);
    expect(await third).toMatchObject(late("12.0", "0.0", "18.0"));
    expect(turnsOf(pool.metrics(["tiny"]))).toEqual({ "timed_out prefill request_timeout": 3 });
  });

  test("fails with 504 while it is still in the queue", async () => {
    const { chat, generation, clock, pool } = made({ slots: 1 });
    const first = chat(1);
    const running = await generation(0);
    // Without its timer the first request has no limit.
    const second = thrownBy(chat(2));
    clock.timers.delete([...clock.timers][0]!);
    await clock.pass(30_000);
    expect(await second).toMatchObject(late("30.0", "0.0", "0.0"));
    expect(pool.list()[0]).toMatchObject({ busy: 1, queued: 0 });
    running.finish();
    await first;
  });

  test("fails with 504 while its model loads, and the load goes on for the next one", async () => {
    const { chat, load, loads, generation, clock } = made({ hold_loads: true });
    const first = thrownBy(chat(1));
    const loading = await load(0);
    // Each loading event has a timer of its own.
    for (let n = 0; n < 30; n++) await clock.pass(1_000);
    expect(await first).toMatchObject(late("0.0", "30.0", "0.0"));
    expect(loading.signal.aborted).toBe(false);
    const second = chat(2);
    loading.succeed();
    (await generation(0)).finish();
    await second;
    expect(loads).toHaveLength(1);
  });

  test("frees its slot also when the client reads nothing of its answer", async () => {
    const { chat, pool, generation, clock } = made();
    const events = chatOf(pool, TINY);
    const first = events.next();
    (await generation(0)).say("one", "two");
    await first;
    await clock.pass(30_000);
    const second = chat(2);
    (await generation(1)).finish();
    await second;
    expect(await thrownBy(events.next())).toMatchObject(late("0.0", "0.0", "30.0"));
    expect(turnsOf(pool.metrics(["tiny"]))).toEqual({ "timed_out decode request_timeout": 1, ok: 1 });
  });

  test("leaves no timer behind when it is done in time", async () => {
    const { chat, clock } = made({ answer: ["x"], keep_alive: Infinity });
    expect(await chat()).toBe("x");
    expect(clock.timers.size).toBe(0);
  });

  test.each([false, true])("is a 504 over HTTP before the first token, with stream %p", async (stream) => {
    const fake = fakeAdapter();
    const { chat } = makeApp({ adapter: fake.adapter, pool: { slots: 1, queue: 1, timeout: 50 } });
    const [running, queued] = await Promise.all([chat({ stream }), chat({ stream })]);
    for (const res of [running, queued]) {
      expect(await errorOf(res)).toMatchObject({ status: 504, type: "server_error", code: "request_timeout" });
    }
    const next = chat();
    (await fake.generation(fake.generations.length)).finish();
    expect((await next).status).toBe(200);
  });

  test("ends a stream over HTTP with one error frame and no [DONE]", async () => {
    const fake = fakeAdapter();
    const { chat } = makeApp({ adapter: fake.adapter, pool: { slots: 1, queue: 0, timeout: 200 } });
    const asked = chat({ stream: true });
    (await fake.generation(0)).say("one");
    const { data, done } = await framesOf(await asked);
    expect(data.at(-2).choices[0].delta).toEqual({ content: "one" });
    expect(data.at(-1)).toEqual({ error: expect.objectContaining({ type: "server_error", code: "request_timeout" }) });
    expect(done).toBe(false);
  });
});

describe("GET /metrics", () => {
  const GET = async ({ request }: ReturnType<typeof makeApp>) => seriesOf(await (await request("/metrics")).text());

  test("shows the gauges of every installed model before anything was counted", async () => {
    const made = makeApp({ models: [TINY, makeModel('odd "\\name')] });
    const res = await made.request("/metrics");
    expect([res.status, res.headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    const zero = (model: string) => ["queue_length", "slots_busy", "slots"].map((name) => [`ingle_${name}{model="${model}"}`, 0]);
    const expected = { ...Object.fromEntries([...zero("tiny"), ...zero('odd \\"\\\\name')]), ingle_auth_failures_total: 0 };
    const series = Object.entries(seriesOf(await res.text()));
    const own = series.filter(([name]) => name.startsWith("ingle_") && !/^ingle_(download|damaged)/.test(name));
    expect(Object.fromEntries(own)).toEqual(expected);
  });

  test("counts requests, tokens, loads, deaths, queue and slots", async () => {
    const fake = fakeAdapter();
    const made = makeApp({ adapter: fake.adapter, pool: { slots: 1, queue: 1 } });
    const first = made.chat();
    (await fake.generation(0)).say("one");
    const second = made.chat();
    expect((await made.chat()).status).toBe(429);
    expect(await GET(made)).toMatchObject({
      'ingle_queue_length{model="tiny"}': 1,
      'ingle_slots_busy{model="tiny"}': 1,
      'ingle_slots{model="tiny"}': 1,
      'ingle_model_loads_total{model="tiny",outcome="ok",code=""}': 1,
    });
    fake.generations[0]!.finish();
    await first;
    await fake.generation(1);
    (await fake.load(0)).die(new AdapterError("engine_crashed", "gone"));
    expect((await second).status).toBe(502);
    expect(await GET(made)).toMatchObject({
      'ingle_turns_total{model="tiny",outcome="ok",phase="",code=""}': 1,
      'ingle_turns_total{model="tiny",outcome="refused",phase="queue",code="queue_full"}': 1,
      'ingle_turns_total{model="tiny",outcome="error",phase="prefill",code="engine_crashed"}': 1,
      'ingle_prompt_tokens_total{model="tiny"}': 7,
      'ingle_completion_tokens_total{model="tiny"}': 2,
      'ingle_cached_tokens_total{model="tiny"}': 3,
      'ingle_engine_deaths_total{model="tiny"}': 1,
      'ingle_turn_wait_seconds_count{model="tiny"}': 2,
      'ingle_time_to_first_token_seconds_count{model="tiny"}': 1,
      'ingle_turn_duration_seconds_count{model="tiny"}': 1,
    });
  });

  test("puts times into the buckets they belong to", async () => {
    const { chat, generation, clock, pool } = makePool({ slots: 1 });
    const both = [chat(1), chat(2)];
    const first = await generation(0);
    clock.ms += 250;
    first.say("one");
    await settled();
    clock.ms += 1_750;
    first.finish();
    (await generation(1)).finish();
    await Promise.all(both);
    const series = seriesOf(pool.metrics(["tiny"]));
    const bucket = (name: string, le: string) => series[`ingle_${name}_seconds_bucket{model="tiny",le="${le}"}`];
    expect([bucket("turn_wait", "0.005"), bucket("turn_wait", "1"), bucket("turn_wait", "2.5")]).toEqual([1, 1, 2]);
    expect(series['ingle_turn_wait_seconds_sum{model="tiny"}']).toBe(2);
    expect([bucket("time_to_first_token", "0.1"), bucket("time_to_first_token", "0.25")]).toEqual([0, 1]);
    expect([bucket("turn_duration", "1"), bucket("turn_duration", "2.5"), bucket("turn_duration", "+Inf")]).toEqual([0, 2, 2]);
  });

  test("counts a load that failed by its code", async () => {
    const { chat, load, pool } = makePool({ hold_loads: true });
    const asked = thrownBy(chat());
    (await load(0)).fail(new AdapterError("model_load_failed", "damaged"));
    await asked;
    expect(seriesOf(pool.metrics(["tiny"]))).toMatchObject({
      'ingle_model_loads_total{model="tiny",outcome="error",code="model_load_failed"}': 1,
      'ingle_turns_total{model="tiny",outcome="error",phase="load",code="model_load_failed"}': 1,
    });
  });

  test("has no series of unknown ids and removed models", async () => {
    const made = makeApp({ models: [TINY, makeModel("other")] });
    for (const model of ["tiny", "other"]) expect((await made.chat({ model })).status).toBe(200);
    expect((await made.chat({ model: "never-heard-of" })).status).toBe(404);
    const before = await (await made.request("/metrics")).text();
    expect([before.includes('"other"'), before.includes("never-heard-of")]).toEqual([true, false]);
    expect((await made.request("/v1/models/other", { method: "DELETE" })).status).toBe(200);
    const after = await (await made.request("/metrics")).text();
    expect([after.includes('"other"'), after.includes('"tiny"')]).toEqual([false, true]);
  });

  test("needs the key", async () => {
    const { request } = makeApp({ guards: { keys: ["sk-0123456789abcdef"] } });
    expect((await request("/metrics")).status).toBe(401);
    expect((await request("/metrics", { headers: { authorization: "Bearer sk-0123456789abcdef" } })).status).toBe(200);
  });
});

describe("which requests share the slots as one client", () => {
  const KEYS = ["sk-0123456789abcdef", "sk-fedcba9876543210"];
  const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
  const beside = (wrong: string, key: string) => ({ headers: { authorization: `Bearer ${wrong}`, "x-api-key": key } });
  /** The seeds in the order of their requests, of one running request and two queued ones of a first client, then one of a second. */
  const order = async (guards: object, first: RequestInit, second: RequestInit): Promise<(number | null)[]> => {
    const fake = fakeAdapter();
    const { chat, pool } = makeApp({ adapter: fake.adapter, guards, pool: { slots: 1, queue: 9 } });
    const all = [chat({ seed: 1 }, first)];
    await fake.generation(0);
    for (const seed of [2, 3, 4]) {
      all.push(chat({ seed }, seed === 4 ? second : first));
      await eventually("the request waits", () => pool.list()[0]!.queued === seed - 1, 5_000, 1);
    }
    for (let n = 0; n < 4; n++) (await fake.generation(n)).finish();
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    return fake.generations.map(({ request }) => request.seed);
  };
  const APART = [1, 4, 2, 3];
  const SAME = [1, 2, 3, 4];

  test.each([
    ["two keys", { keys: KEYS }, bearer(KEYS[0]!), bearer(KEYS[1]!), APART],
    ["one key, sent in two ways", { keys: KEYS }, bearer(KEYS[0]!), { headers: { "x-api-key": KEYS[0]! } }, SAME],
    ["one key, beside a wrong one", { keys: KEYS }, bearer(KEYS[0]!), beside("wrong-key-one", KEYS[0]!), SAME],
    [
      "two keys, beside the same wrong one",
      { keys: KEYS },
      beside("wrong-key-one", KEYS[0]!),
      beside("wrong-key-one", KEYS[1]!),
      APART,
    ],
    [
      "one key, beside two wrong ones",
      { keys: KEYS },
      beside("wrong-key-one", KEYS[0]!),
      beside("wrong-key-two", KEYS[0]!),
      SAME,
    ],
    ["nobody knows who", {}, {}, {}, SAME],
    ["two programs of this machine, by keys that nobody checks", {}, bearer("app-one"), bearer("app-two"), APART],
    ["the same from elsewhere, where anybody could make them up", { wide: true }, bearer("app-one"), bearer("app-two"), SAME],
    [
      "what a proxy says",
      { wide: true },
      { headers: { "x-forwarded-for": "1.1.1.1" } },
      { headers: { "x-forwarded-for": "2.2.2.2" } },
      SAME,
    ],
  ])("%s", async (_name, guards, first, second, expected) => {
    expect(await order(guards, first, second)).toEqual(expected);
  });
});

test("a stream that waits in the queue and gives up its place is a 429 with Retry-After", async () => {
  const fake = fakeAdapter();
  const { chat } = makeApp({ adapter: fake.adapter, pool: { slots: 1, queue: 1 } });
  const greedy = { headers: { authorization: "Bearer greedy" } };
  const running = chat({ stream: true }, greedy);
  await fake.generation(0);
  const waiting = chat({ stream: true }, greedy);
  await settled();
  const newcomer = chat({ stream: true }, { headers: { authorization: "Bearer newcomer" } });
  const res = await waiting;
  expect([res.status, Number(res.headers.get("retry-after")) >= 1]).toEqual([429, true]);
  expect(await errorOf(res)).toMatchObject({ code: "queue_full" });
  for (const [n, answer] of [running, newcomer].entries()) {
    (await fake.generation(n)).finish();
    expect((await framesOf(await answer)).done).toBe(true);
  }
});
