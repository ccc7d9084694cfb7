// What is done while no model loads or answers: it begins when that has been so for a while, and stops at once.
import { expect, test } from "bun:test";
import { createIdleWork } from "../../src/inference/idle-work.ts";
import { makeModel } from "../support/app.ts";
import { fakeClock, makePool, never, settled } from "../support/model-pool.ts";

function makeIdleWork() {
  const clock = fakeClock();
  const runs: { signal: AbortSignal; end: () => void }[] = [];
  const work = (signal: AbortSignal): Promise<void> => new Promise((end) => runs.push({ signal, end }));
  return { idle: createIdleWork({ work, later: (ms, run) => clock.later(ms, run) }), clock, runs };
}

test("it begins ten seconds after the last use, and not before a first one", async () => {
  const { idle, clock, runs } = makeIdleWork();
  await clock.pass(60_000);
  const [one, other] = [idle.begin(), idle.begin()];
  one();
  await clock.pass(60_000);
  expect(runs).toHaveLength(0);
  other();
  await clock.pass(9_999);
  expect(runs).toHaveLength(0);
  await clock.pass(1);
  expect(runs).toHaveLength(1);
});

test("it is stopped when a use begins, and begins again when that has ended and the first run has", async () => {
  const { idle, clock, runs } = makeIdleWork();
  idle.begin()();
  await clock.pass(10_000);
  const end = idle.begin();
  expect(runs[0]!.signal.aborted).toBe(true);
  end();
  await clock.pass(10_000);
  expect(runs).toHaveLength(1);
  runs[0]!.end();
  await settled();
  expect(runs).toHaveLength(2);
  expect(runs[1]!.signal.aborted).toBe(false);
});

test("closing stops it, waits for its end, and lets nothing begin", async () => {
  const { idle, clock, runs } = makeIdleWork();
  const end = idle.begin();
  end();
  await clock.pass(10_000);
  let closed = false;
  const closing = idle.close().then(() => (closed = true));
  await settled();
  expect([runs[0]!.signal.aborted, closed]).toEqual([true, false]);
  runs[0]!.end();
  await closing;
  idle.begin()();
  await clock.pass(60_000);
  expect(runs).toHaveLength(1);
});

test("a request, a start and a load whose client has left are uses of a model", async () => {
  let users = 0;
  const onBusy = () => {
    users++;
    return () => void users--;
  };
  const { pool, chat, load, generation } = makePool({ hold_loads: true, onBusy });
  const left = new AbortController();
  const answer = chat(0, left.signal).catch(() => {});
  const loading = await load(0);
  left.abort(new Error("gone"));
  await answer;
  expect(users).toBe(1);
  loading.succeed();
  await settled();
  expect(users).toBe(0);
  const second = chat(1);
  const one = await generation(0);
  expect(users).toBe(1);
  one.finish();
  await second;
  expect(users).toBe(0);
  await pool.unload("tiny");
  const started = pool.start(makeModel("tiny"), {}, never());
  const again = await load(1);
  expect(users).toBe(1);
  again.succeed();
  await started;
  expect(users).toBe(0);
});
