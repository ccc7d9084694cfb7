import { expect, test } from "bun:test";
import { createComputeThreads } from "../../adapters/node-llama-cpp/compute-threads.ts";

/** Runs steps on a machine where a step takes `cost(threads)` milliseconds; answers with the threads of each. */
function simulate(most: number) {
  let time = 0;
  const threads = createComputeThreads(most, () => time);
  return (steps: number, cost: (threads: number, tokens: number) => number, tokens = 1): number[] =>
    Array.from({ length: steps }, () => {
      const used = threads.next(tokens);
      const ms = cost(used, tokens);
      time += ms;
      threads.record(ms);
      return used;
    });
}

const idle = (threads: number): number => 20 / threads + 2;
/** Another program has one of `cores`: as many threads as cores stand in each other's way. */
const crowded =
  (cores: number) =>
  (threads: number): number =>
    threads >= cores ? 800 : 30 / threads + 2;

const share = (used: number[], threads: number): number => used.filter((n) => n === threads).length / used.length;

test("on an idle machine nearly every step has all threads", () => {
  const used = simulate(4)(1000, idle);
  expect(share(used, 4)).toBeGreaterThan(0.95);
});

test("on a crowded machine nearly every step has fewer threads", () => {
  const used = simulate(2)(1000, crowded(2));
  expect(share(used, 1)).toBeGreaterThan(0.98);
});

test("a single slow step is enough to give way", () => {
  const run = simulate(2);
  run(200, idle);
  const used = run(50, crowded(2));
  expect(share(used, 2)).toBeLessThan(0.05);
});

test("all threads come back soon after the machine is idle again", () => {
  const run = simulate(2);
  run(200, idle);
  run(300, crowded(2));
  run(4000, idle);
  expect(share(run(200, idle), 2)).toBeGreaterThan(0.95);
});

test("trials in vain become rarer", () => {
  const run = simulate(2);
  run(1000, crowded(2));
  const used = run(3000, crowded(2));
  expect(share(used, 2)).toBeLessThan(0.002);
});

test("more cores give way step by step", () => {
  const used = simulate(8)(2000, crowded(6));
  expect(share(used.slice(200), 4)).toBeGreaterThan(0.9);
});

test("a single thread stays one", () => {
  expect(simulate(1)(100, idle)).toEqual(Array.from({ length: 100 }, () => 1));
});

test("steps that read a prompt follow and are not judged", () => {
  const run = simulate(2);
  expect(
    share(
      run(100, () => 5000, 512),
      2,
    ),
  ).toBe(1);
  expect(share(run(500, idle), 2)).toBeGreaterThan(0.95);
});
