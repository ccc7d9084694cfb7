// Models that share a memory too small for all of them: which are evicted, which wait, and that each is served in its time.
import { describe, expect, test } from "bun:test";
import { AdapterError } from "../../adapters/adapter.ts";
import { echo } from "../../adapters/echo.ts";
import type { ModelPoolOptions } from "../../src/inference/model-pool.ts";
import { makeModel } from "../support/app.ts";
import { makePool, never, settled, thrownBy } from "../support/model-pool.ts";
import type { FakeOptions } from "../support/fake-adapter.ts";

const GB = 1e9;

/** Models called "a4" or "b2.5" take so many GB; without a number it is unknown. The context that fits is 1,000 tokens a GB. */
function makeHouse(budget: number, options: Partial<ModelPoolOptions> & FakeOptions = {}) {
  const size = { budget };
  const made = makePool({
    memory: {
      async need({ id }) {
        const gb = Number(/[\d.]+$/.exec(id)?.[0]);
        return Number.isNaN(gb) ? undefined : { total: gb * GB, largestContext: (bytes) => Math.floor(bytes / GB) * 1000 };
      },
      budget: () => size.budget * GB,
    },
    ...options,
  });
  const ask = (id: string, seed = 0, signal = never()) => made.chat(seed, signal, makeModel(id));
  const alive = () => made.loads.filter(({ gone }) => !gone).map(({ model }) => model.id);
  return { ...made, ask, alive, size };
}

/** Models that answer at once. */
const quick = (budget: number, options: Partial<ModelPoolOptions> = {}) => makeHouse(budget, { answer: ["x"], ...options });

describe("models that fit", () => {
  test("stay loaded side by side, and a second request loads nothing", async () => {
    const { ask, loads, alive, pool } = quick(8);
    for (const id of ["a4", "b4", "a4", "b4", "unknown", "a4"]) await ask(id);
    expect([loads.length, alive()]).toEqual([3, ["a4", "b4", "unknown"]]);
    expect(pool.list().map(({ id, memory_bytes }) => [id, memory_bytes])).toEqual([
      ["a4", 4 * GB],
      ["b4", 4 * GB],
      ["unknown", null],
    ]);
  });

  test("fit again after a failed load, a death, and keep_alive", async () => {
    const { ask, load, alive, clock, generation, generations } = makeHouse(4, { hold_loads: true });
    const failed = thrownBy(ask("a4"));
    (await load(0)).fail(new AdapterError("model_load_failed", "no"));
    await failed;
    const dies = thrownBy(ask("b4"));
    (await load(1)).succeed();
    await generation(0);
    (await load(1)).die(new AdapterError("engine_crashed", "gone"));
    await dies;
    const third = ask("c4");
    (await load(2)).succeed();
    (await generation(1)).finish();
    await third;
    await clock.pass(300_000);
    const fourth = ask("d4");
    (await load(3)).succeed();
    (await generation(2)).finish();
    await fourth;
    expect([generations.length, alive().includes("c4")]).toEqual([3, false]);
  });
});

describe("the model that is evicted", () => {
  test("is the least recently used idle one, and no more than needed", async () => {
    const { ask, alive, log } = quick(6);
    for (const id of ["a2", "b2", "c2", "a2"]) await ask(id);
    await ask("d2");
    expect(alive()).toEqual(["a2", "c2", "d2"]);
    await ask("e4");
    expect(alive()).toEqual(["d2", "e4"]);
    expect(log.find((line) => line.includes("model unloaded"))).toContain('"model":"b2","why":"memory"');
  });

  test("is an idle one before a busy one, however new it is", async () => {
    const { ask, alive, generation } = makeHouse(4);
    const long = ask("a2");
    const first = await generation(0);
    const short = ask("b2");
    (await generation(1)).finish();
    await short;
    const other = ask("c2");
    (await generation(2)).finish();
    await other;
    expect(alive()).toEqual(["a2", "c2"]);
    first.finish();
    await long;
  });

  test("is a busy one that is stopping already, before one that is not", async () => {
    const { ask, alive, generation, pool } = makeHouse(4);
    const both = [ask("a2"), ask("b2")];
    await generation(1);
    const stopping = pool.unload("b2");
    const third = ask("c2");
    await settled();
    expect(pool.list().map(({ id, state }) => [id, state])).toEqual([
      ["a2", "running"],
      ["b2", "stopping"],
      ["c2", "loading"],
    ]);
    const fourth = ask("a2");
    await generation(2); // on the engine that stays
    for (const n of [1, 2, 3, 0]) (await generation(n)).finish();
    await Promise.all([...both, third, fourth, stopping]);
    expect(alive()).toEqual(["a2", "c2"]);
  });

  test("is never a pinned one", async () => {
    const { ask, alive, pool } = quick(6, { pinned: ["a2"] });
    await ask("a2");
    await pool.start(makeModel("b2"), { pinned: true }, never());
    for (const id of ["c2", "d2", "c2"]) await ask(id);
    expect(alive()).toEqual(["a2", "b2", "c2"]);
    expect(await thrownBy(ask("e4"))).toMatchObject({ status: 503, code: "insufficient_memory" });
    expect(alive()).toEqual(["a2", "b2", "c2"]);
    await pool.start(makeModel("b2"), { pinned: false }, never());
    await ask("e4");
    expect(alive()).toEqual(["a2", "e4"]);
  });

  test("is gone before the next one loads", async () => {
    const { ask, loads, load, generation } = makeHouse(4);
    const first = ask("a4");
    (await generation(0)).finish();
    await first;
    const second = ask("b4");
    await load(1);
    expect(loads[0]!.closed).toBe(true);
    (await generation(1)).finish();
    await second;
  });

  test("may be one whose load no request waits for", async () => {
    const { ask, load, loads, generation } = makeHouse(4, { hold_loads: true });
    const client = new AbortController();
    const left = thrownBy(ask("a4", 0, client.signal));
    const loading = await load(0);
    client.abort(new Error("gone"));
    await left;
    const second = ask("b4");
    (await load(1)).succeed();
    (await generation(0)).finish();
    await second;
    expect([loading.signal.aborted, loads.length]).toEqual([true, 2]);
  });
});

describe("a model that cannot fit", () => {
  test("is a 503 that says what it takes, what there is and which context would do, and evicts nothing", async () => {
    const { ask, alive } = quick(8);
    await ask("a4");
    expect(await thrownBy(ask("b9"))).toMatchObject({
      status: 503,
      code: "insufficient_memory",
      param: "model",
      headers: { "retry-after": "5" },
      message: 'Model "b9" needs 9.0 GB of memory and 8.0 GB is available. Start with --context 8000, or with fewer --slots.',
    });
    expect(alive()).toEqual(["a4"]);
  });

  test("is a 503 that counts pinned models, and says where no context would do", async () => {
    const { ask } = quick(4.5, { pinned: ["a4"] });
    await ask("a4");
    const { message } = await thrownBy(ask("b2"));
    expect(message).toContain(
      "needs 2.0 GB of memory and 500 MB is available, beside 4.0 GB of pinned models. No context would fit.",
    );
  });

  test("is refused at once, also while others wait, and may fit later", async () => {
    const { ask, generation, size } = makeHouse(4);
    const first = ask("a4");
    await generation(0);
    const second = ask("b4");
    await settled();
    expect(await thrownBy(ask("c5"))).toMatchObject({ code: "insufficient_memory" });
    (await generation(0)).finish();
    (await generation(1)).finish();
    await Promise.all([first, second]);
    size.budget = 5;
    const third = ask("c5");
    (await generation(2)).finish();
    await third;
  });

  test("is not refused while another load makes the numbers move", async () => {
    const { ask, load, generation, size } = makeHouse(8, { hold_loads: true });
    const first = ask("a4");
    const loading = await load(0);
    size.budget = 4; // what is free has gone down by what was loaded, which is not yet counted as held
    let told = "";
    const second = ask("b5").catch(({ code }) => (told = code));
    await settled();
    expect(told).toBe("");
    size.budget = 9;
    loading.succeed();
    (await load(1)).succeed();
    for (const n of [0, 1]) (await generation(n)).finish();
    await Promise.all([first, second]);
    expect(told).toBe("");
  });
});

describe("while the other models are busy", () => {
  test("a model waits until the requests of the others that came before it have ended", async () => {
    const { ask, generation, generations, seeds, pool, alive } = makeHouse(4, { slots: 1 });
    const running = [ask("a4", 1), ask("a4", 2)];
    await generation(0);
    const waits = ask("b4", 3);
    await settled();
    expect([pool.state("b4"), pool.state("a4")]).toEqual(["loading", "running"]);
    const later = ask("a4", 4);
    await settled();
    expect(
      pool
        .list()
        .map(({ id, state }) => [id, state])
        .toSorted(),
    ).toEqual([
      ["a4", "loading"],
      ["a4", "stopping"],
      ["b4", "loading"],
    ]);
    for (const n of [0, 1, 2, 3]) {
      (await generation(n)).finish();
      expect(generations).toHaveLength(n + 1);
    }
    await Promise.all([...running, waits, later]);
    expect([seeds(), alive()]).toEqual([[1, 2, 3, 4], ["a4"]]);
  });

  test("models wait in the order they came, a small one too", async () => {
    const { ask, generation, seeds } = makeHouse(4);
    const all = [ask("a4", 1)];
    await generation(0);
    for (const [id, seed] of [
      ["b4", 2],
      ["c1", 3],
      ["d4", 4],
    ] as const) {
      all.push(ask(id, seed));
      await settled();
    }
    for (const n of [0, 1, 2, 3]) (await generation(n)).finish();
    await Promise.all(all);
    expect(seeds()).toEqual([1, 2, 3, 4]);
  });

  test("a model that is not in the way goes on", async () => {
    const { ask, generation, seeds, loads } = makeHouse(6, { slots: 1 });
    const old = [ask("a2", 1)];
    await generation(0);
    old.push(ask("b4", 2));
    await generation(1);
    const waits = ask("c2", 3); // a2 is the least recently used
    await settled();
    const next = ask("b4", 4);
    (await generation(1)).finish();
    (await generation(2)).finish();
    await next;
    expect(seeds()).toEqual([1, 2, 4]);
    (await generation(0)).finish();
    (await generation(3)).finish();
    await Promise.all([...old, waits]);
    expect(loads.map(({ model }) => model.id)).toEqual(["a2", "b4", "c2"]);
  });

  test("the queue of a model that waits is bounded", async () => {
    const { ask, generation } = makeHouse(4, { slots: 1, queue: 1 });
    const all = [ask("a4")];
    await generation(0);
    all.push(ask("b4"), ask("b4"));
    await settled();
    expect(await thrownBy(ask("b4"))).toMatchObject({ status: 429, code: "queue_full" });
    for (const n of [0, 1, 2]) (await generation(n)).finish();
    await Promise.all(all);
  });

  test("a client that leaves ends the waiting at once, and no model is evicted for it", async () => {
    const { ask, generation, pool, alive, loads } = makeHouse(4, { slots: 2 });
    const running = ask("a4", 1);
    await generation(0);
    const client = new AbortController();
    const left = thrownBy(ask("b4", 2, client.signal));
    await settled();
    client.abort(new Error("gone"));
    expect((await left).message).toBe("gone");
    await settled();
    expect(pool.state("b4")).toBe("stopped");
    const more = ask("a4", 3);
    await generation(1);
    for (const n of [0, 1]) (await generation(n)).finish();
    await Promise.all([running, more]);
    expect([alive(), loads.length]).toEqual([["a4"], 1]);
  });

  test("a start waits as a request does", async () => {
    const { ask, generation, pool, alive } = makeHouse(4);
    const running = ask("a4");
    await generation(0);
    let started = false;
    const starting = pool.start(makeModel("b4"), {}, never()).then(() => (started = true));
    await settled();
    expect(started).toBe(false);
    (await generation(0)).finish();
    await Promise.all([running, starting]);
    expect(alive()).toEqual(["b4"]);
  });

  test("a stopping server ends the waiting", async () => {
    const { ask, generation, pool } = makeHouse(4);
    const running = thrownBy(ask("a4"));
    await generation(0);
    const waits = thrownBy(ask("b4"));
    await settled();
    await pool.close(0);
    expect(await waits).toMatchObject({ status: 503, code: "server_stopping" });
    await running;
  });

  test("a model that waits and is unloaded answers its requests first", async () => {
    const { ask, generation, pool, alive } = makeHouse(4);
    const all = [ask("a4")];
    await generation(0);
    all.push(ask("b4"));
    await settled();
    const gone = pool.unload("b4");
    (await generation(0)).finish();
    (await generation(1)).finish();
    await Promise.all([...all, gone]);
    expect(alive()).toEqual([]);
  });

  test("an engine that dies amid its last requests is loaded again for those that wait, in their order", async () => {
    const { ask, generation, load, seeds } = makeHouse(4, { slots: 1 });
    const dies = thrownBy(ask("a4", 1));
    await generation(0);
    const [second, other] = [ask("a4", 2), ask("b4", 3)];
    await settled();
    const third = ask("a4", 4);
    (await load(0)).die(new AdapterError("engine_crashed", "gone"));
    await dies;
    for (const n of [1, 2, 3]) (await generation(n)).finish();
    await Promise.all([second, other, third]);
    expect(seeds().toSorted()).toEqual([1, 2, 3, 4]);
    expect(seeds().indexOf(3)).toBeLessThan(seeds().indexOf(4));
  });
});

describe("two models that do not fit together", () => {
  test("serve twenty alternating clients, none of them long after others, and are never both loaded", async () => {
    const { ask, alive, loads } = quick(4, { slots: 4, queue: 64 });
    const [CLIENTS, ROUNDS] = [20, 25];
    let served = 0;
    let longest = 0;
    const client = async (n: number): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        const before = served;
        expect(await ask((n + round) % 2 === 0 ? "a4" : "b4")).toBe("x");
        longest = Math.max(longest, served++ - before);
        expect(alive().length).toBeLessThan(2);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(n)));
    expect(served).toBe(CLIENTS * ROUNDS);
    // All others have been served, and some of them twice.
    expect(longest).toBeLessThan(3 * CLIENTS);
    // They are served in batches, not one a load.
    expect(loads.length).toBeLessThan((CLIENTS * ROUNDS) / 4);
    console.log(`${served} generations, ${loads.length} loads, at most ${longest} others served while one waited`);
  });

  test("serve a single request for one of them beside a flood for the other", async () => {
    const slow = echo({ token_ms: 1 });
    const { ask, pool } = makeHouse(4, { adapterOf: () => slow, slots: 2, queue: 64 });
    let over = false;
    let flooded = 0;
    const flood = Array.from({ length: 10 }, async () => {
      for (; !over; flooded++) await ask("a4");
    });
    await ask("a4");
    for (let n = 0; n < 5; n++) {
      const before = flooded;
      expect(await ask("b4")).toBe("hi");
      // The requests that were there before it, and those that came while it waited for a slot.
      expect(flooded - before).toBeLessThanOrEqual(2 * flood.length);
      expect(pool.list().filter(({ state }) => state === "running").length).toBeLessThan(2);
    }
    over = true;
    await Promise.all(flood);
  });
});

test("with random clients, models, aborts, stops and deaths nothing hangs, and the budget holds", async () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return Math.floor((seed / 2_147_483_647) * below);
  };
  const { ask, pool, loads, alive, generations, clock } = makeHouse(5, { slots: 2, queue: 64, keep_alive: 0 });
  const MODELS = ["a1", "b2", "c3", "d4", "e5"];
  const taken = () => alive().reduce((sum, id) => sum + Number(id.slice(1)), 0);
  let over = false;
  let next = 0;
  const engine = (async () => {
    while (!over) {
      if (random(10) === 0) loads.at(-1 - random(2))?.die(new AdapterError("engine_crashed", "gone"));
      for (; next < generations.length; next++) generations[next]!.finish();
      expect(taken()).toBeLessThanOrEqual(5);
      clock.ms += 5_000;
      if (random(20) === 0) void pool.unload(MODELS[random(5)]!);
      await new Promise((done) => setTimeout(done));
    }
  })();
  const outcomes: Record<string, number> = {};
  const client = async (): Promise<void> => {
    for (let n = 0; n < 30; n++) {
      const leave = new AbortController();
      if (random(4) === 0) setTimeout(() => leave.abort(new Error("gone")), random(4));
      const outcome = await ask(MODELS[random(5)]!, 0, leave.signal).then(
        () => "answered",
        (error) => error.code ?? error.message,
      );
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 12 }, client));
  over = true;
  await engine;
  await settled();
  expect(pool.list()).toEqual([]);
  expect(
    Object.keys(outcomes).filter((each) => !["answered", "gone", "engine_crashed", "engine_unavailable"].includes(each)),
  ).toEqual([]);
  expect(outcomes.answered).toBeGreaterThan(100);
  console.log(JSON.stringify(outcomes), `${loads.length} loads`);
});
