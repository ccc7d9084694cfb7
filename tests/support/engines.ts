// Engines over the fake adapter, with a clock that stands still.
import type { ChatEvent } from "../../adapters/adapter.ts";
import type { Model } from "../../models/model.ts";
import { createEngines, type EnginesOptions } from "../../src/engines.ts";
import { createLog } from "../../src/log.ts";
import { makeModel, resolve } from "./app.ts";
import { fakeAdapter, type FakeOptions } from "./fake-adapter.ts";
import { ask } from "./models.ts";

interface Options extends Partial<EnginesOptions>, FakeOptions {}

export function makeEngines({ hold_loads, answer, ...options }: Options = {}) {
  const fake = fakeAdapter({ hold_loads, answer });
  const clock = { ms: 1_000_000 };
  const log: string[] = [];
  const engines = createEngines({
    adapter: fake.adapter,
    resolve,
    slots: 2,
    queue: 2,
    log: createLog((line) => log.push(line)),
    now: () => clock.ms,
    ...options,
  });
  /** One turn from its start to its text; `seed` tells it from the others. Rejects with what it throws. */
  const chat = (seed = 0, signal = new AbortController().signal, model: Model = makeModel("tiny")) =>
    textOf(engines.chat(model, ask("hi", { seed }), signal));
  /** The turns that began, by their seeds. */
  const seeds = () => fake.turns.map(({ request }) => request.seed);
  return { ...fake, engines, chat, clock, seeds, log };
}

async function textOf(events: AsyncIterable<ChatEvent>): Promise<string> {
  let text = "";
  for await (const event of events) if (event.type === "text") text += event.text;
  return text;
}

export async function thrownBy(promise: Promise<unknown>): Promise<Error> {
  const answer = await promise.catch((error: Error) => error);
  if (answer instanceof Error) return answer;
  throw new Error(`It answered ${JSON.stringify(answer)}.`);
}
