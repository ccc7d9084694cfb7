// Work beside the generations of the embedded engine, with a clock of the test's.
import { describe, expect, test } from "bun:test";
import { createSideWork } from "../../adapters/node-llama-cpp/side-work.ts";

function setUp() {
  let now = 0;
  let woken = 0;
  const done: string[] = [];
  const work = createSideWork(
    () => void woken++,
    () => now,
  );
  const add = (name: string, ms: number) =>
    work.run(async () => {
      now += ms;
      done.push(name);
      return name;
    });
  return { work, add, done, woken: () => woken };
}

describe("work beside the generations", () => {
  test("is done in its order, and wakes whoever has it done", async () => {
    const { work, add, done, woken } = setUp();
    const both = [add("a", 1), add("b", 1)];
    expect([woken(), work.isPending(), done]).toEqual([2, true, []]);
    await work.next();
    await work.next();
    expect([await Promise.all(both), done, work.isPending()]).toEqual([["a", "b"], ["a", "b"], false]);
    await work.next();
  });

  test("has a third of the time that the steps take", async () => {
    const { work, add, done } = setUp();
    for (let index = 0; index < 100; index++) void add(String(index), 5);
    for (let step = 0; step < 30; step++) await work.afterStep(20);
    expect(done.length).toBeWithin(39, 42);
  });

  test("waits for many steps after a piece that took long, and saves up no time while there is none", async () => {
    const { work, add, done } = setUp();
    for (let step = 0; step < 100; step++) await work.afterStep(20);
    void add("long", 300);
    for (const name of ["one", "two"]) void add(name, 1);
    await work.afterStep(3);
    expect(done).toEqual(["long"]);
    for (let step = 0; step < 44; step++) await work.afterStep(20);
    expect(done).toEqual(["long"]);
    await work.afterStep(30);
    expect(done).toEqual(["long", "one", "two"]);
  });

  test("that fails is its caller's alone, and what waits at the end fails with the reason", async () => {
    const { work, add, done } = setUp();
    const failing = work.run(() => Promise.reject(new Error("bad")));
    const good = add("good", 1);
    await work.next();
    await work.next();
    expect([await failing.catch(({ message }: Error) => message), await good, done]).toEqual(["bad", "good", ["good"]]);
    const waiting = work.run(async () => {});
    work.close(new Error("closed"));
    expect(await waiting.catch(({ message }: Error) => message)).toBe("closed");
    expect(work.isPending()).toBe(false);
  });
});
