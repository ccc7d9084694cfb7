// POST /v1/models/{id}/start and /stop, GET /v1/ps, keep_alive in requests and settings, and streams that wait for a load.
import { describe, expect, test } from "bun:test";
import { AdapterError } from "../../adapters/adapter.ts";
import { readConfig } from "../../src/server/read-config.ts";
import { errorOf, makeApp, makeModel } from "../support/app.ts";
import { fakeClock, settled } from "../support/model-pool.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";
import { framesOf } from "../support/frames.ts";

const MODELS = [makeModel("tiny"), makeModel("org/big"), makeModel("org/start")];

function makeHouse(options: Parameters<typeof fakeAdapter>[0] = { answer: ["x"] }, more: object = {}) {
  const fake = fakeAdapter(options);
  const clock = fakeClock();
  const pool = { now: () => clock.ms, later: (ms: number, work: () => void) => clock.later(ms, work), ...more };
  const made = makeApp({ adapter: fake.adapter, models: MODELS, pool });
  const act = async (path: string, body?: unknown) => {
    const path_ = `/v1/models/${path}`;
    const res = await (body === undefined ? made.request(path_, { method: "POST" }) : made.post(path_, body));
    return res.ok ? ((await res.json()) as object) : errorOf(res);
  };
  const ps = async (): Promise<any[]> => ((await (await made.request("/v1/ps")).json()) as { data: any[] }).data;
  return { ...made, ...fake, clock, act, ps };
}

describe("start and stop", () => {
  test.each(["tiny", "org/big", "org%2Fbig", "org%2Fstart", "org/start"])("load and unload %s", async (path) => {
    const { act, loads, ps } = makeHouse();
    const id = decodeURIComponent(path);
    expect(await act(`${path}/start`)).toEqual({ id, object: "model", state: "running" });
    expect(await act(`${path}/start/`)).toEqual({ id, object: "model", state: "running" });
    expect([loads.length, (await ps()).map((row) => row.id)]).toEqual([1, [id]]);
    expect(await act(`${path}/stop`)).toEqual({ id, object: "model", state: "stopped" });
    expect(await act(`${path}/stop`, {})).toEqual({ id, object: "model", state: "stopped" });
    expect([loads[0]!.closed, await ps()]).toEqual([true, []]);
  });

  test("start answers when it is loaded, stop when the last request has ended", async () => {
    const { act, chat, load, generation } = makeHouse({ hold_loads: true });
    const told: string[] = [];
    const starting = act("tiny/start").then(() => told.push("started"));
    const loading = await load(0);
    await settled();
    expect(told).toEqual([]);
    loading.succeed();
    await starting;
    const asked = chat({ model: "tiny" }).then((res) => told.push(`answered ${res.status}`));
    const running = await generation(0);
    const stopping = act("tiny/stop").then(() => told.push("stopped"));
    await settled();
    running.finish();
    await Promise.all([asked, stopping]);
    expect(told).toEqual(["started", "answered 200", "stopped"]);
  });

  test.each(["nope/start", "nope/stop", "org%2Fbig%2Fstart/stop"])(
    "POST %s is a 404 where there is no such model",
    async (path) => {
      expect(await makeHouse().act(path)).toMatchObject({ status: 404, code: "model_not_found", param: "model_id" });
    },
  );

  test.each(["/start", "start", "tiny", "tiny%2Fstart", "org/start", "tiny/restart"])("POST %s is not a start", async (path) => {
    const { request, ps } = makeHouse();
    const res = await request(`/v1/models/${path}`, { method: "POST" });
    expect([400, 404, 405]).toContain(res.status);
    expect(await ps()).toEqual([]);
  });

  test("PUT, as Jan sent it, does what POST does", async () => {
    const { request, ps } = makeHouse();
    const put = async (path: string) => (await request(`/v1/models/${path}`, { method: "PUT" })).json();
    expect(await put("org/big/start")).toEqual({ id: "org/big", object: "model", state: "running" });
    expect(await ps()).toMatchObject([{ id: "org/big" }]);
    expect(await put("org%2Fbig/stop/")).toEqual({ id: "org/big", object: "model", state: "stopped" });
    expect(await ps()).toEqual([]);
  });

  test.each(["OPTIONS", "PROPFIND"])("%s of such a path names POST and PUT", async (method) => {
    for (const path of ["tiny/start", "org/big/stop", "nope/start/"]) {
      const res = await makeHouse().request(`/v1/models/${path}`, { method });
      expect([res.status, res.headers.get("allow")]).toEqual([
        method === "OPTIONS" ? 204 : 405,
        "GET, HEAD, PATCH, DELETE, POST, PUT, OPTIONS",
      ]);
    }
  });

  test.each(["PUT", "POST"])("%s of a model names neither", async (method) => {
    const res = await makeHouse().request("/v1/models/tiny", { method });
    expect([res.status, res.headers.get("allow")]).toEqual([405, "GET, HEAD, PATCH, DELETE, OPTIONS"]);
  });

  test("GET of such a path shows the model that is called so", async () => {
    const { request, ps } = makeHouse();
    expect(await (await request("/v1/models/org/start")).json()).toMatchObject({ id: "org/start", state: "stopped" });
    expect((await request("/v1/models/tiny/start")).status).toBe(404);
    expect((await request("/v1/models/tiny/start", { method: "DELETE" })).status).toBe(404);
    expect(await ps()).toEqual([]);
  });

  test.each([
    [{ keep_alive: "soon" }, "keep_alive", "invalid_value"],
    [{ keep_alive: true }, "keep_alive", "invalid_type"],
    [{ pinned: "yes" }, "pinned", "invalid_type"],
    [[], null, "invalid_type"],
  ])("start with %j is a 400, and loads nothing", async (body, param, code) => {
    const { act, loads } = makeHouse();
    expect(await act("tiny/start", body)).toMatchObject({ status: 400, param, code });
    expect(loads).toEqual([]);
  });

  test("start passes over null and unknown fields, and takes JSON alone", async () => {
    const { act, request, ps } = makeHouse();
    expect(await act("tiny/start", { keep_alive: null, pinned: null, other: 1 })).toMatchObject({ state: "running" });
    expect(await ps()).toMatchObject([{ pinned: false }]);
    const res = await request("/v1/models/tiny/start", { method: "POST", body: "x", headers: { "content-type": "text/plain" } });
    expect(res.status).toBe(415);
  });

  test("start with keep_alive and pinned does as they say", async () => {
    const { act, clock, ps } = makeHouse();
    await act("tiny/start", { keep_alive: "10s" });
    expect(await ps()).toMatchObject([{ state: "running", expires_at: clock.ms / 1000 + 10, pinned: false }]);
    await act("tiny/start", { pinned: true });
    expect(await ps()).toMatchObject([{ expires_at: null, pinned: true }]);
    await clock.pass(3_600_000);
    expect(await ps()).toMatchObject([{ idle_s: 3600 }]);
    await act("tiny/stop");
    expect(await ps()).toEqual([]);
  });

  test("start answers a load that fails with the error of a chat", async () => {
    const { act, load } = makeHouse({ hold_loads: true });
    const asked = act("tiny/start");
    (await load(0)).fail(new AdapterError("model_load_failed", "The file is damaged."));
    const expected = { status: 500, code: "model_load_failed", message: "The file is damaged." };
    expect(await asked).toMatchObject(expected);
    const again = act("tiny/start");
    (await load(1)).fail(new AdapterError("model_load_failed", "The file is damaged."));
    expect(await again).toMatchObject(expected);
  });
});

describe("GET /v1/ps", () => {
  test("lists the loaded models", async () => {
    const { chat, request } = makeHouse();
    const empty = await request("/v1/ps");
    expect(await empty.json()).toEqual({ object: "list", data: [] });
    await chat({ model: "tiny" });
    expect(await (await request("/v1/ps/")).json()).toEqual({
      object: "list",
      data: [
        {
          ...{
            id: "tiny",
            object: "engine",
            adapter: "fake",
            state: "running",
            memory_bytes: null,
            context_length: 4096,
            slots: 2,
          },
          ...{ busy: 0, queued: 0, idle_s: 0, expires_at: 1_300, pinned: false },
        },
      ],
    });
    expect((await request("/v1/ps", { method: "POST" })).status).toBe(405);
  });

  test("shows the slots in use and the models that load", async () => {
    const memory = { need: async () => ({ total: 123, largestContext: () => 0 }), budget: () => 1_000 };
    const { chat, load, ps } = makeHouse({ hold_loads: true, answer: [] }, { memory });
    const asked = chat({ model: "tiny" });
    const loading = await load(0);
    expect(await ps()).toMatchObject([{ state: "loading", memory_bytes: 123, context_length: null, busy: 1 }]);
    loading.succeed();
    await asked;
    expect(await ps()).toMatchObject([{ state: "running", memory_bytes: 123, context_length: 4096, busy: 0 }]);
  });
});

describe("keep_alive", () => {
  test.each([
    [30, 30],
    [0.5, 1],
    ["30", 30],
    ["30s", 30],
    ["10m", 600],
    ["1.5h", 5400],
    ["576h", 2_073_600],
    [null, 300],
  ])("%j in a chat request is %d seconds", async (keep_alive, seconds) => {
    const { chat, ps } = makeHouse();
    expect((await chat({ model: "tiny", keep_alive })).status).toBe(200);
    expect(await ps()).toMatchObject([{ expires_at: 1_000 + seconds }]);
  });

  test.each([-1, "-1", -2, "-1m"])("%j keeps the model for ever", async (keep_alive) => {
    const { chat, ps } = makeHouse();
    await chat({ model: "tiny", keep_alive });
    expect(await ps()).toMatchObject([{ state: "running", expires_at: null }]);
  });

  test.each([0, "0", "0s"])("%j unloads the model at once", async (keep_alive) => {
    const { chat, ps, loads } = makeHouse();
    await chat({ model: "tiny", keep_alive });
    await settled();
    expect([await ps(), loads[0]!.closed]).toEqual([[], true]);
  });

  test.each(["", " ", "abc", "--2", "-", "-m", "1h30", "1d", "1e3", "600h", 1e10, "5 m", "0x5", "Infinity"])(
    "%j is a 400",
    async (value) => {
      const { chat, loads } = makeHouse();
      const error = await errorOf(await chat({ model: "tiny", keep_alive: value }));
      expect(error).toMatchObject({ status: 400, param: "keep_alive", code: "invalid_value" });
      expect(error.message).toStartWith(`"keep_alive" is ${JSON.stringify(value)}. It must be seconds or a time such as "30s"`);
      expect(loads).toEqual([]);
    },
  );

  test.each([[true], [{}], [["5m"]]])("%j is a 400, too", async (keep_alive) => {
    const { chat } = makeHouse();
    expect(await errorOf(await chat({ model: "tiny", keep_alive }))).toMatchObject({
      status: 400,
      param: "keep_alive",
      code: "invalid_type",
    });
  });
});

describe("the settings", () => {
  const read = (env: Record<string, string>) => readConfig({}, { XDG_CONFIG_HOME: "/nowhere", ...env });
  test("keep_alive, memory and pin are read as people write them", () => {
    expect(read({})).toMatchObject({ keep_alive: 300_000, pin: [] });
    expect(read({}).memory).toBeUndefined();
    expect(read({ INGLE_KEEP_ALIVE: "-1", INGLE_MEMORY: "8GB", INGLE_PIN: "a, org/b" })).toMatchObject({
      keep_alive: Number.POSITIVE_INFINITY,
      memory: 8e9,
      pin: ["a", "org/b"],
    });
    const sizes = { "5000000": 5e6, "512MB": 512e6, "7.5GiB": 7.5 * 2 ** 30, "1 tb": 1e12, "64kib": 65_536 };
    for (const [text, bytes] of Object.entries(sizes)) expect(read({ INGLE_MEMORY: text }).memory).toBe(bytes);
  });

  test.each([
    ["INGLE_KEEP_ALIVE", "soon"],
    ["INGLE_MEMORY", "much"],
    ["INGLE_MEMORY", "0"],
    ["INGLE_MEMORY", "500"],
    ["INGLE_MEMORY", "-1GB"],
    ["INGLE_MEMORY", "8 gigabytes"],
  ])("%s=%s is refused with its name, its value and the remedy", (name, value) => {
    expect(() => read({ [name]: value })).toThrow(`${name} is ${JSON.stringify(value)}. It must be `);
  });
});

describe("a stream that waits for a load", () => {
  test("that takes long gets comments, and then its answer", async () => {
    const { chat, clock, load, generation } = makeHouse({ hold_loads: true });
    const asked = chat({ model: "tiny", stream: true });
    const loading = await load(0);
    await clock.pass(5_000);
    const res = await asked;
    expect([res.status, res.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    const frames = framesOf(res);
    await clock.pass(2_000);
    await clock.pass(2_000);
    loading.succeed();
    const running = await generation(0);
    running.say("fine");
    running.finish();
    const { data, done, comments } = await frames;
    expect([comments, done]).toEqual([["loading", "loading", "loading"], true]);
    expect(data.map(({ choices }) => choices[0].delta)).toEqual([{ role: "assistant", content: "" }, { content: "fine" }, {}]);
  });

  test("that fails after its first comment gets one error frame; a quick failure is a status", async () => {
    const { chat, clock, load, loads } = makeHouse({ hold_loads: true });
    const failure = new AdapterError("model_load_failed", "The file is damaged.");
    const slow = chat({ model: "tiny", stream: true });
    await load(0);
    await clock.pass(5_000);
    const res = await slow;
    loads[0]!.fail(failure);
    const { data, done, comments } = await framesOf(res);
    expect([res.status, comments, done]).toEqual([200, ["loading"], false]);
    expect(data).toEqual([
      { error: { message: failure.message, type: "server_error", param: "model", code: "model_load_failed" } },
    ]);
    const quick = chat({ model: "org/big", stream: true });
    (await load(1)).fail(failure);
    expect((await quick).status).toBe(500);
  });

  test("that its client leaves amid the comments is gone from the queue", async () => {
    const { chat, clock, load, ps } = makeHouse({ hold_loads: true });
    const asked = chat({ model: "tiny", stream: true });
    await load(0);
    await clock.pass(5_000);
    await (await asked).body!.cancel();
    await settled();
    expect(await ps()).toMatchObject([{ state: "loading", busy: 0, queued: 0 }]);
  });

  test("sends nothing before its answer where that is JSON", async () => {
    const { chat, clock, load, generation } = makeHouse({ hold_loads: true });
    const asked = chat({ model: "tiny" });
    const loading = await load(0);
    await clock.pass(5_000);
    loading.succeed();
    const running = await generation(0);
    running.say("fine");
    running.finish();
    expect(await (await asked).json()).toMatchObject({ choices: [{ message: { content: "fine" } }] });
  });
});

test("too little memory is a 503 over HTTP, for a chat and for a start", async () => {
  const memory = { need: async () => ({ total: 9e9, largestContext: () => 2048 }), budget: () => 4e9 };
  const { act, chat, ps } = makeHouse({ answer: [] }, { memory });
  const expected = { status: 503, code: "insufficient_memory", param: "model", type: "server_error" };
  for (const stream of [false, true]) expect(await errorOf(await chat({ model: "tiny", stream }))).toMatchObject(expected);
  const error = await act("tiny/start");
  expect(error).toMatchObject(expected);
  expect(error).toMatchObject({ message: expect.stringContaining("needs 9.0 GB of memory and 4.0 GB is available") });
  expect(await ps()).toEqual([]);
});
