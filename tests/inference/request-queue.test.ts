// The queue of one model by itself: which request is next, which are refused, and for how long.
import { describe, expect, test } from "bun:test";
import type { ApiError } from "../../src/http/errors.ts";
import { createRequestQueue } from "../../src/inference/request-queue.ts";
import { never, settled } from "../support/model-pool.ts";

/** Slots whose requests end when the test says so. `order`: the requests that got a slot, in that order. */
function makeSlots(options: { slots?: number | undefined; queue?: number } = {}) {
  const clock = { ms: 0 };
  const made = createRequestQueue({ id: "tiny", slots: 1, queue: 64, ...options, elapsed: () => clock.ms });
  const order: string[] = [];
  const leaves = new Map<string, () => void>();
  /** One request: its client, and what tells it from others of the same client. */
  const enter = async (client: string, name = "", signal = never()): Promise<void> => {
    const leave = await made.acquire(signal, client);
    order.push(client + name);
    leaves.set(client + name, leave);
  };
  const end = async (generation: string): Promise<void> => {
    leaves.get(generation)!();
    await settled();
  };
  /** Ends one request after the other, the oldest first, until none is left. */
  const endAll = async (): Promise<void> => {
    for (let n = 0; n < order.length; n++) await end(order[n]!);
  };
  const times = (count: number, client: string) => Array.from({ length: count }, (_, n) => enter(client, String(n)));
  return { slots: made, clock, order, enter, end, endAll, times };
}

const refused = (promise: Promise<unknown>): Promise<ApiError | undefined> =>
  promise.then(
    () => undefined,
    (error: ApiError) => error,
  );

describe("the next free slot", () => {
  test("goes in order of arrival where one client is alone", async () => {
    const { times, endAll, order } = makeSlots({ slots: 3 });
    const all = times(60, "a");
    await settled();
    await endAll();
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 60 }, (_, n) => `a${n}`));
  });

  test("goes in order of arrival among clients with a request each", async () => {
    const { enter, endAll, order } = makeSlots({ slots: 2 });
    const names = Array.from({ length: 40 }, (_, n) => `client${n}.`);
    const all = names.map((name) => enter(name));
    await settled();
    await endAll();
    await Promise.all(all);
    expect(order).toEqual(names);
  });

  test.each([1, 2, 4])("of %d goes to the single request of a client before the 60 of another", async (slots) => {
    const { times, enter, end, order, slots: made } = makeSlots({ slots });
    void times(60 + slots, "a");
    await settled();
    const single = enter("b");
    expect([made.busy, made.waiting]).toEqual([slots, 61]);
    await end("a0");
    await single;
    expect(order.at(-1)).toBe("b");
  });

  test("goes to the client with the fewest running requests, whichever came before or was served last", async () => {
    const { times, enter, end, order } = makeSlots({ slots: 3 });
    void times(2, "a");
    void enter("b", "0");
    void enter("a", "2");
    void enter("b", "1");
    await settled();
    await end("b0");
    expect(order).toEqual(["a0", "a1", "b0", "b1"]);
  });

  test("alternates between clients with many requests, whichever came first", async () => {
    const { times, endAll, order } = makeSlots();
    const all = ["a", "b", "c"].flatMap((client) => times(4, client));
    await settled();
    await endAll();
    await Promise.all(all);
    expect(order).toEqual(["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"]);
  });
});

describe("further slots of a request", () => {
  test("are those that are free, none while another waits, and go back one by one", async () => {
    const { slots: made, enter, end, order } = makeSlots({ slots: 4 });
    await enter("a");
    const more = made.takeFree("a", 7);
    expect([more.length, made.busy]).toEqual([3, 4]);
    const [second, third] = [enter("b"), enter("c")];
    expect(made.takeFree("a", 1)).toEqual([]);
    more[0]!();
    more[0]!();
    await second;
    expect([order, made.busy, made.waiting]).toEqual([["a", "b"], 4, 1]);
    more[1]!();
    await third;
    for (const name of ["a", "b", "c"]) await end(name);
    more[2]!();
    expect([made.busy, made.waiting]).toEqual([0, 0]);
  });

  test("count in the share of their client", async () => {
    const { slots: made, enter, end, order } = makeSlots({ slots: 4 });
    await enter("a", "0");
    const more = made.takeFree("a", 1);
    await enter("b", "0");
    await enter("b", "1");
    void enter("a", "1");
    void enter("b", "2");
    await settled();
    // Two slots each, and then one and two.
    await end("b0");
    expect(order.at(-1)).toBe("b2");
    for (const release of more) release();
    await settled();
    expect(order.at(-1)).toBe("a1");
  });
});

describe("a full queue", () => {
  test("refuses the newcomer whose client has the most", async () => {
    const { times, enter, slots } = makeSlots({ queue: 3 });
    void times(4, "a");
    const error = await refused(enter("a", "late"));
    expect(error).toMatchObject({ status: 429, code: "queue_full" });
    expect(slots.waiting).toBe(3);
  });

  test("drops the newest request of the client that has the most, for a client that has fewer", async () => {
    const { times, enter, endAll, order, slots } = makeSlots({ queue: 5 });
    const greedy = times(4, "a").map(refused);
    void times(2, "b");
    const single = enter("c");
    const error = await greedy[3];
    expect(error).toMatchObject({ status: 429, code: "queue_full", message: expect.stringContaining("gave its place") });
    expect(slots.waiting).toBe(5);
    await settled();
    await endAll();
    await single;
    expect(order.toSorted()).toEqual(["a0", "a1", "a2", "b0", "b1", "c"]);
  });

  test("leaves another client its half under the flood of one", async () => {
    const { times, slots } = makeSlots({ queue: 64 });
    const flood = times(65, "a").map(refused);
    const others = times(40, "b").map(refused);
    const pending = (generations: Promise<unknown>[]) =>
      Promise.all(generations.map((generation) => Promise.race([generation, settled().then(() => "waits")]))).then(
        (all) => all.filter((what) => what === "waits").length,
      );
    await settled();
    expect([await pending(flood), await pending(others), slots.waiting]).toEqual([32, 32, 64]);
  });

  test("of clients with one request each stays as it is, since an exchange would be no fairer", async () => {
    const { enter, slots } = makeSlots({ queue: 3 });
    const waiting = ["a", "b", "c", "d"].map((client) => refused(enter(client)));
    expect(await refused(enter("e"))).toMatchObject({ status: 429 });
    const dropped = await Promise.race([Promise.any(waiting.slice(1)), settled().then(() => "none")]);
    expect([dropped, slots.waiting]).toEqual(["none", 3]);
  });

  test("gives way to a client that has nothing at all, also with a single place", async () => {
    const { times, enter, end, order } = makeSlots({ queue: 1 });
    const [, second] = times(2, "a").map(refused);
    const other = enter("b");
    expect(await second).toMatchObject({ status: 429 });
    await end("a0");
    await other;
    expect(order).toEqual(["a0", "b"]);
  });
});

describe("a client that leaves the queue", () => {
  test("frees its place at once, and the order of the others stays", async () => {
    const { enter, endAll, order, slots } = makeSlots({ queue: 3 });
    const client = new AbortController();
    void enter("a", "0");
    const [one, two, three] = [enter("a", "1"), refused(enter("a", "2", client.signal)), enter("a", "3")];
    client.abort(new Error("gone"));
    expect((await two)?.message).toBe("gone");
    expect(slots.waiting).toBe(2);
    const four = enter("a", "4");
    await endAll();
    await Promise.all([one, three, four]);
    expect(order).toEqual(["a0", "a1", "a3", "a4"]);
  });

  test("and gives its slot back twice frees it once", async () => {
    const { enter, end, slots } = makeSlots({ slots: 2 });
    await Promise.all([enter("a"), enter("b")]);
    await end("a");
    await end("a");
    expect(slots.busy).toBe(1);
  });
});

describe("Retry-After", () => {
  const retryAfter = async ({ enter }: ReturnType<typeof makeSlots>): Promise<number> =>
    Number((await refused(enter("late")))!.headers["retry-after"]);
  /** One request that holds the slot for so long, in ms. */
  const generation = async ({ enter, end, clock }: ReturnType<typeof makeSlots>, ms: number): Promise<void> => {
    await enter("first");
    clock.ms += ms;
    await end("first");
  };

  test.each([
    [undefined, 1, 5, 10],
    [1_000, 1, 5, 5],
    [3_000, 2, 4, 6],
    [10, 1, 4, 1],
    [60_000, 1, 5, 60],
    [700, 1, 0, 1],
  ])("after a request of %p ms, with %d slots and %d requests in the queue: %d s", async (ms, slots, queue, seconds) => {
    const made = makeSlots({ slots, queue });
    if (ms !== undefined) await generation(made, ms);
    for (let n = 0; n < slots + queue; n++) void made.enter(`client${n}`);
    expect(await retryAfter(made)).toBe(seconds);
  });

  test("follows the requests as they get shorter", async () => {
    const made = makeSlots({ queue: 1 });
    await generation(made, 30_000);
    for (let n = 0; n < 20; n++) await generation(made, 1_000);
    void made.enter("a");
    void made.enter("b");
    expect(await retryAfter(made)).toBeLessThanOrEqual(2);
  });
});

test("10,000 in the queue are served and leave, in far less time than their answers would take", async () => {
  const COUNT = 10_000;
  const slots = createRequestQueue({ id: "tiny", slots: 1, queue: COUNT, elapsed: () => 0 });
  const first = await slots.acquire(never(), "first");
  const began = performance.now();
  const leaving: AbortController[] = [];
  const all = Array.from({ length: COUNT }, async (_, n) => {
    const client = new AbortController();
    if (n % 2 === 1) leaving.push(client);
    const leave = await slots.acquire(client.signal, `client${n % (COUNT / 4)}`).catch(() => {});
    leave?.();
  });
  for (const client of leaving.toReversed()) client.abort();
  expect(slots.waiting).toBe(COUNT / 2);
  first();
  await Promise.all(all);
  expect([slots.busy, slots.waiting]).toEqual([0, 0]);
  console.log(`10,000 through the queue: ${(performance.now() - began).toFixed(0)} ms`);
});

describe("slots that a load decides", () => {
  const undecided = (queue: number) => makeSlots({ slots: undefined, queue });

  test.each([2, 3, 4])("are two until it has said %d", async (count) => {
    const { times, order, slots, endAll } = undecided(64);
    const all = times(6, "a");
    await settled();
    expect([order.length, slots.waiting]).toEqual([2, 4]);
    slots.settle(count);
    await settled();
    expect([order.length, slots.busy, slots.waiting]).toEqual([count, count, 6 - count]);
    await endAll();
    await Promise.all(all);
    expect([slots.busy, slots.waiting]).toEqual([0, 0]);
  });

  test("refuse nobody who would have one of four", async () => {
    const { times, enter, slots } = undecided(0);
    void times(4, "a");
    await settled();
    expect((await refused(enter("a", "more")))?.code).toBe("queue_full");
    slots.settle(4);
    await settled();
    expect([slots.busy, slots.waiting]).toEqual([4, 0]);
    expect((await refused(enter("a", "more")))?.code).toBe("queue_full");
  });

  test("are undecided again once the engine is gone", async () => {
    const { times, slots, end, order } = undecided(64);
    slots.settle(4);
    void times(6, "a");
    await settled();
    slots.unsettle();
    for (const generation of ["a0", "a1", "a2"]) await end(generation);
    // Four ran, and no more than two are to run: the first two that end free nothing.
    expect([order.length, slots.busy]).toEqual([5, 2]);
  });
});
