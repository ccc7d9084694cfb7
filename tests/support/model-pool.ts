// A model pool over the fake adapter, with a clock that stands still until the test moves it.
import type { Model } from "../../models/manifest.ts";
import { createModelPool, type ModelPool, type ModelPoolOptions, type RunOptions } from "../../src/inference/model-pool.ts";
import { createLog } from "../../src/support/log/log.ts";
import { makeModel, resolve } from "./app.ts";
import { fakeAdapter, type FakeOptions } from "./fake-adapter.ts";
import { ask } from "./models.ts";

interface Options extends Partial<ModelPoolOptions>, FakeOptions {}

export function makePool({ hold_loads, answer, ...options }: Options = {}) {
  const fake = fakeAdapter({ hold_loads, answer });
  const clock = fakeClock();
  const log: string[] = [];
  const pool = createModelPool({
    adapterOf: () => fake.adapter,
    resolve,
    slots: 2,
    queue: 2,
    log: createLog((line) => log.push(line)),
    now: () => clock.ms,
    elapsed: () => clock.ms,
    later: (ms, work) => clock.later(ms, work),
    ...options,
  });
  /** One request from its start to its text; `seed` tells it from the others. Rejects with what it throws. */
  const chat = (seed = 0, signal = never(), model: Model = makeModel("tiny"), options: Partial<RunOptions> = {}) =>
    textOf(chatOf(pool, model, { signal, ...options }, ask("hi", { seed })));
  /** The requests that began, by their seeds. */
  const seeds = () => fake.generations.map(({ request }) => request.seed);
  return { ...fake, pool, chat, clock, seeds, log };
}

/** The events of one chat request. */
export const chatOf = (pool: ModelPool, model: Model, options: Partial<RunOptions> = {}, request = ask("hi")) =>
  pool.run(model, { signal: never(), ...options }, (engine, signal) => engine.chat(request, signal));

export const never = (): AbortSignal => new AbortController().signal;

/** Time as the test makes it pass. `ms` may be set, too: then no timer goes off. */
export function fakeClock() {
  const timers = new Set<{ at: number; work: () => void }>();
  return {
    ms: 1_000_000,
    timers,
    later(ms: number, work: () => void) {
      const timer = { at: this.ms + ms, work };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    /** Lets what is due happen, and what follows from it. */
    async pass(ms: number): Promise<void> {
      this.ms += ms;
      for (const timer of [...timers].filter(({ at }) => at <= this.ms)) if (timers.delete(timer)) timer.work();
      await settled();
    },
  };
}

/** Everything that needs no clock and no disk has happened. */
export async function settled(): Promise<void> {
  for (let n = 0; n < 5; n++) await new Promise((done) => setTimeout(done));
}

async function textOf(events: ReturnType<typeof chatOf>): Promise<string> {
  let text = "";
  for await (const event of events) if (event.type === "text") text += event.text;
  return text;
}

export async function thrownBy(promise: Promise<unknown>): Promise<Error> {
  const answer = await promise.catch((error: Error) => error);
  if (answer instanceof Error) return answer;
  throw new Error(`It answered ${JSON.stringify(answer)}.`);
}
