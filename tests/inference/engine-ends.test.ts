// How engines end: crashes and the back-off after them, unloading, and the server that stops.
import { describe, expect, test } from "bun:test";
import { AdapterError } from "../../adapters/adapter.ts";
import { ApiError } from "../../src/http/errors.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { framesOf } from "../support/frames.ts";
import { makePool, never, settled, thrownBy } from "../support/model-pool.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";

const crash = (n = 0) => new AdapterError("engine_crashed", `The engine ended with signal SIGKILL, number ${n}.`);

describe("a crash", () => {
  test("fails the requests that run, and the next request loads again", async () => {
    const { chat, load, loads, generation } = makePool();
    const both = [thrownBy(chat(1)), thrownBy(chat(2))];
    await generation(1);
    const reason = crash();
    (await load(0)).die(reason);
    expect(await Promise.all(both)).toEqual([reason, reason]);
    const next = chat(3);
    (await generation(2)).finish();
    await next;
    expect(loads).toHaveLength(2);
  });

  test("serves the requests that wait on a fresh engine", async () => {
    const { chat, load, loads, generation, seeds } = makePool({ slots: 1 });
    const first = thrownBy(chat(1));
    await generation(0);
    const second = chat(2);
    (await load(0)).die(crash());
    await first;
    const next = await generation(1);
    next.say("fine");
    next.finish();
    expect(await second).toBe("fine");
    expect([loads.length, seeds()]).toEqual([2, [1, 2]]);
  });

  test("of an idle engine is logged with its reason", async () => {
    const { chat, load, loads, generation, log } = makePool();
    const first = chat();
    (await generation(0)).finish();
    await first;
    (await load(0)).die(crash(7));
    const next = chat();
    (await generation(1)).finish();
    await next;
    expect(loads).toHaveLength(2);
    expect(log.find((line) => line.includes("engine lost"))).toContain("number 7");
  });

  test("is not what the log calls an engine that was closed", async () => {
    const { chat, pool, generation, log } = makePool();
    const first = chat();
    (await generation(0)).finish();
    await first;
    await pool.close(0);
    expect(log.filter((line) => line.includes("engine lost"))).toEqual([]);
  });
});

describe("three deaths in a minute", () => {
  type Made = ReturnType<typeof makePool>;
  const dieOnce = async ({ chat, loads, generations, load, generation }: Made): Promise<void> => {
    const [n, m] = [loads.length, generations.length];
    const asked = thrownBy(chat());
    await generation(m);
    (await load(n)).die(crash(n));
    await asked;
  };
  const answersOnce = async ({ chat, generations, generation }: Made): Promise<void> => {
    const n = generations.length;
    const asked = chat();
    (await generation(n)).finish();
    await asked;
  };

  test("make the model back off: 503 with the reason and Retry-After, and no load", async () => {
    const made = makePool();
    for (let n = 0; n < 3; n++) {
      await dieOnce(made);
      made.clock.ms += 10_000;
    }
    const error = await thrownBy(made.chat());
    expect(error).toMatchObject({
      status: 503,
      code: "engine_unavailable",
      param: "model",
      headers: { "retry-after": "30" },
      message: expect.stringContaining(crash(2).message),
    });
    expect(made.loads).toHaveLength(3);
  });

  test("stop counting when the first is a minute ago: the model loads again", async () => {
    const made = makePool();
    for (let n = 0; n < 3; n++) await dieOnce(made);
    made.clock.ms += 59_999;
    expect(await thrownBy(made.chat())).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    made.clock.ms += 1;
    await answersOnce(made);
  });

  test("are forgotten when the model is unloaded", async () => {
    const made = makePool();
    for (let n = 0; n < 3; n++) await dieOnce(made);
    await made.pool.unload("tiny");
    await answersOnce(made);
  });

  test("in more than a minute make no back-off", async () => {
    const made = makePool();
    for (let n = 0; n < 6; n++) {
      await dieOnce(made);
      made.clock.ms += 31_000;
    }
    await answersOnce(made);
  });

  test("leave other models alone", async () => {
    const made = makePool();
    for (let n = 0; n < 3; n++) await dieOnce(made);
    const other = made.chat(0, undefined, makeModel("other"));
    (await made.generation(3)).finish();
    await other;
  });

  test("are a 503 with Retry-After over HTTP", async () => {
    const fake = fakeAdapter();
    const { chat } = makeApp({ adapter: fake.adapter, pool: { now: () => 0 } });
    for (let n = 0; n < 3; n++) {
      const asked = chat();
      await fake.generation(n);
      (await fake.load(n)).die(crash(n));
      expect((await asked).status).toBe(502);
    }
    for (const stream of [false, true]) {
      const res = await chat({ stream });
      expect([res.status, res.headers.get("retry-after")]).toEqual([503, "60"]);
      expect(await res.json()).toMatchObject({ error: { type: "server_error", param: "model", code: "engine_unavailable" } });
    }
  });
});

describe("a model whose file is found damaged", () => {
  const damaged = () => new ApiError(500, "Its file is damaged.", { code: "model_corrupted", param: "model" });

  test("ends what runs and what waits with that error, pinned or not, and is unloaded", async () => {
    const { chat, pool, generation, load, log } = makePool({ slots: 1, pinned: ["tiny"] });
    const asked = [thrownBy(chat(1)), thrownBy(chat(2))];
    (await generation(0)).say("some");
    const error = damaged();
    pool.unloadDamaged("tiny", error);
    expect(pool.state("tiny")).toBe("stopped");
    expect(await Promise.all(asked)).toEqual([error, error]);
    await settled();
    expect([(await load(0)).closed, pool.list()]).toEqual([true, []]);
    expect(log.at(-1)).toContain('"why":"damaged"');
  });

  test("gives up its load: for a chat, and for a start", async () => {
    const { chat, pool, load, loads, log } = makePool({ hold_loads: true });
    const asked = [thrownBy(chat(1)), thrownBy(pool.start(makeModel("tiny"), {}, never()))];
    await load(0);
    const error = damaged();
    pool.unloadDamaged("tiny", error);
    expect(await Promise.all(asked)).toEqual([error, error]);
    await settled();
    expect([loads.length, loads[0]!.gone, pool.list()]).toEqual([1, true, []]);
    expect(log.filter((line) => line.includes("engine lost"))).toEqual([]);
  });

  test("is what a load fails with that was given up, whatever the adapter calls that", async () => {
    const { adapter } = fakeAdapter();
    const { promise, resolve } = Promise.withResolvers<AbortSignal>();
    const load: typeof adapter.load = (_model, _options, signal) => {
      resolve(signal);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(crash())));
    };
    const { pool, log } = makePool({ adapterOf: () => ({ ...adapter, load }) });
    const started = thrownBy(pool.start(makeModel("tiny"), {}, never()));
    await promise;
    const error = damaged();
    pool.unloadDamaged("tiny", error);
    expect(await started).toBe(error);
    expect(log.filter((line) => line.includes("engine lost"))).toEqual([]);
  });

  test("ends also what still runs on an engine that was to go", async () => {
    const { chat, pool, generation, loads } = makePool();
    const asked = thrownBy(chat(1));
    await generation(0);
    const unloading = pool.unload("tiny");
    const error = damaged();
    pool.unloadDamaged("tiny", error);
    expect(await asked).toBe(error);
    await unloading;
    expect(loads.map(({ closed }) => closed)).toEqual([true]);
  });

  test("leaves other models and whole answers alone, and loads again when it is asked for", async () => {
    const { chat, pool, generation, loads } = makePool();
    const other = chat(1, undefined, makeModel("other"));
    await generation(0);
    const done = chat(2);
    (await generation(1)).finish();
    await done;
    pool.unloadDamaged("tiny", damaged());
    const again = chat(3);
    (await generation(2)).finish();
    (await generation(0)).finish();
    await Promise.all([other, again]);
    expect(loads.map(({ closed }) => closed)).toEqual([false, true, false]);
  });

  test("is an error event of a stream that has begun, and its last", async () => {
    const fake = fakeAdapter();
    const { chat, pool } = makeApp({ adapter: fake.adapter });
    const asked = chat({ stream: true });
    (await fake.generation(0)).say("some");
    const res = await asked;
    const frames = framesOf(res);
    await settled();
    pool.unloadDamaged("tiny", damaged());
    const { data } = await frames;
    expect(data.at(-1)).toMatchObject({ error: { code: "model_corrupted", type: "server_error" } });
  });

  test("is looked at when a request begins to use it, and every few seconds while it does", async () => {
    const used: string[] = [];
    const { chat, clock, generation } = makePool({ onUse: ({ id }) => used.push(id) });
    const asked = chat();
    const running = await generation(0);
    expect(used).toEqual(["tiny"]);
    await clock.pass(5_000);
    await clock.pass(5_000);
    expect(used).toHaveLength(3);
    running.finish();
    await asked;
    await clock.pass(60_000);
    expect(used).toHaveLength(3);
  });
});

describe("unload()", () => {
  test("ends running and waiting requests on the old engine, and gives later ones a new one", async () => {
    const { chat, pool, generation, load, loads } = makePool({ slots: 1 });
    const old = [chat(1), chat(2)];
    await generation(0);
    const unloading = pool.unload("tiny");
    expect(pool.state("tiny")).toBe("stopped");
    const fresh = chat(3);
    (await generation(1)).finish();
    await fresh;
    (await generation(0)).finish();
    const second = await generation(2);
    expect([loads.length, second.request.seed, (await load(0)).closed]).toEqual([2, 2, false]);
    second.finish();
    await Promise.all(old);
    await unloading;
    expect(loads.map(({ closed }) => closed)).toEqual([true, false]);
    expect(pool.state("tiny")).toBe("running");
  });

  test("gives up a load that no request waits for, which counts as no death", async () => {
    const { chat, pool, load, log } = makePool({ hold_loads: true });
    const client = new AbortController();
    const asked = thrownBy(chat(1, client.signal));
    const loading = await load(0);
    client.abort(new Error("gone"));
    await asked;
    await pool.unload("tiny");
    expect([loading.signal.aborted, pool.state("tiny")]).toEqual([true, "stopped"]);
    expect(log.filter((line) => line.includes("engine lost"))).toEqual([]);
  });

  test("closes an engine whose load does not heed the abort", async () => {
    const { chat, pool, load } = makePool({ hold_loads: true, answer: ["x"] });
    const asked = chat();
    const loading = await load(0);
    const unloading = pool.unload("tiny");
    loading.succeed();
    expect(await asked).toBe("x");
    await unloading;
    expect(loading.closed).toBe(true);
  });

  test("may be called for a model that is not loaded, twice, and together with close()", async () => {
    const { chat, pool, generation, load } = makePool();
    await pool.unload("tiny");
    const running = thrownBy(chat());
    await generation(0);
    let gone = 0;
    const both = [1, 2].map(() => pool.unload("tiny").then(() => gone++));
    await new Promise((done) => setTimeout(done, 20));
    expect(gone).toBe(0);
    await pool.close(0);
    expect(await running).toMatchObject({ code: "engine_unavailable" });
    await Promise.all(both);
    expect((await load(0)).closed).toBe(true);
  });
});

describe("close()", () => {
  test("waits for running and queued requests, then closes the engines", async () => {
    const { chat, pool, generation, load } = makePool({ slots: 1 });
    const answers = [chat(1), chat(2)];
    const first = await generation(0);
    const closing = pool.close(60_000);
    first.say("whole");
    first.finish();
    const second = await generation(1);
    expect((await load(0)).closed).toBe(false);
    second.say("too");
    second.finish();
    expect(await Promise.all(answers)).toEqual(["whole", "too"]);
    await closing;
    expect((await load(0)).closed).toBe(true);
  });

  test("refuses new requests with 503, whether their model is loaded or not", async () => {
    const { chat, pool, generation } = makePool();
    const running = chat();
    await generation(0);
    const closing = pool.close(60_000);
    for (const id of ["tiny", "other"]) {
      const error = await thrownBy(chat(0, undefined, makeModel(id)));
      expect(error).toMatchObject({ status: 503, code: "server_stopping" });
    }
    (await generation(0)).finish();
    await Promise.all([running, closing]);
  });

  test("ends requests that run beyond the grace with an error", async () => {
    const { chat, pool, generation, load } = makePool();
    const running = thrownBy(chat());
    await generation(0);
    await pool.close(20);
    expect(await running).toMatchObject({ code: "engine_unavailable" });
    expect((await load(0)).closed).toBe(true);
  });

  test("gives up loads, which counts as no death", async () => {
    const { chat, pool, load, log } = makePool({ hold_loads: true });
    const waiting = thrownBy(chat());
    await load(0);
    await pool.close(60_000);
    expect(await waiting).toMatchObject({ status: 503, code: "server_stopping" });
    expect(log.filter((line) => line.includes("engine lost"))).toEqual([]);
  });

  test("may be called twice, and before anything was loaded", async () => {
    const { pool } = makePool();
    await pool.close(0);
    await pool.close(0);
  });

  test("is a 503 with OpenAI's body over HTTP", async () => {
    const { chat, pool } = makeApp();
    await pool.close(0);
    const res = await chat({ stream: true });
    expect(res.status).toBe(503);
    expect(await res.json()).toMatchObject({ error: { type: "server_error", code: "server_stopping" } });
  });
});
