// An adapter whose every load and every generation is in the hands of the test.
import {
  AdapterError,
  type Adapter,
  type Capability,
  type ChatEvent,
  type ChatRequest,
  type Engine,
  type WeighedQuestion,
  type WeighRequest,
} from "../../adapters/adapter.ts";
import type { CompletionRequest } from "../../adapters/completion.ts";
import type { LoadOptions } from "../../adapters/load-options.ts";
import { channel } from "../../adapters/shared/channel.ts";
import type { InstalledModel } from "../../models/manifest.ts";

type Finish = Extract<ChatEvent, { type: "finish" }>["reason"];

/** One generation of the fake engine, in the hands of the test. */
export interface FakeGeneration {
  model: string;
  /** Of a chat or a completion. */
  request: ChatRequest & Partial<Pick<CompletionRequest, "prompt" | "suffix" | "score_prompt">>;
  signal: AbortSignal;
  say(...texts: string[]): void;
  put(event: ChatEvent): void;
  finish(reason?: Finish): void;
  fail(reason: unknown): void;
  /** Settles when the generation is over, however it ended. */
  over: Promise<void>;
}

/** One load of the fake adapter; it waits for `succeed` or `fail` where loads are held. */
export interface FakeLoad {
  model: InstalledModel;
  options: LoadOptions;
  signal: AbortSignal;
  succeed(): void;
  fail(reason: unknown): void;
  /** The engine is gone, and every generation that runs with it. */
  die(reason: AdapterError): void;
  /** Whether `close` was called. */
  closed: boolean;
  /** Takes no memory any more: it failed, was given up, died or was closed. */
  gone: boolean;
}

export const USAGE = { prompt_tokens: 7, completion_tokens: 2, cached_tokens: 3 };

export interface FakeOptions {
  capabilities?: Capability[] | undefined;
  /** Every generation says these texts at once and finishes; absent: it waits for the test. */
  answer?: string[] | undefined;
  /** How likely each answer of a question is; absent: the engine cannot weigh any. */
  probabilities?: ((question: WeighedQuestion) => number[]) | undefined;
  /** Loads wait for the test too. */
  hold_loads?: boolean | undefined;
}

/** `load(n)` and `generation(n)` wait for the n-th; `loads` and `generations` are those so far. */
export function fakeAdapter({ answer, probabilities, hold_loads = false, capabilities = [] }: FakeOptions = {}) {
  const weighed: WeighRequest[] = [];
  const loads = sequence<FakeLoad>();
  const generations = sequence<FakeGeneration>();
  const adapter: Adapter = {
    name: "fake",
    capabilities: () => capabilities,
    async load(model, options, signal) {
      const ready = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<AdapterError | undefined>();
      const running = new Set<FakeGeneration>();
      const end = (reason: AdapterError, death: AdapterError | undefined): void => {
        load.gone = true;
        for (const generation of running) generation.fail(reason);
        closed.resolve(death);
      };
      const load: FakeLoad = {
        model,
        options,
        signal,
        succeed: ready.resolve,
        fail: ready.reject,
        die: (reason) => end(reason, reason),
        closed: false,
        gone: false,
      };
      signal.addEventListener("abort", () => ready.reject(signal.reason));
      if (!hold_loads) ready.resolve();
      loads.push(load);
      await ready.promise.catch((error) => {
        load.gone = true;
        throw error;
      });
      const engine: Engine = {
        slots: options.slots,
        context_length: options.context,
        closed: closed.promise,
        chat: (request, signal) => play(model.id, request, signal, running),
        complete: (request, signal) => play(model.id, request, signal, running),
        ...(probabilities && {
          async *weigh(request) {
            weighed.push(request);
            for (const question of request.questions) yield { type: "answer", probabilities: probabilities(question) };
            yield { type: "finish", usage: { ...USAGE, completion_tokens: 0 } };
          },
        }),
        async close() {
          load.closed = true;
          end(new AdapterError("engine_unavailable", "The engine was stopped."), undefined);
        },
      };
      return engine;
    },
  };

  async function* play(
    model: string,
    asked: ChatRequest | CompletionRequest,
    signal: AbortSignal,
    running: Set<FakeGeneration>,
  ): AsyncGenerator<ChatEvent> {
    const request = asked as FakeGeneration["request"];
    signal.throwIfAborted();
    const { push: put, fail, take } = channel<ChatEvent>();
    const over = Promise.withResolvers<void>();
    const say = (...texts: string[]): void => texts.forEach((text) => put({ type: "text", text }));
    const finish = (reason: Finish = "stop"): void => put({ type: "finish", reason, usage: USAGE });
    const generation: FakeGeneration = { model, request, signal, say, put, finish, fail, over: over.promise };
    signal.addEventListener("abort", () => fail(signal.reason));
    running.add(generation);
    generations.push(generation);
    if (answer !== undefined) {
      say(...answer);
      finish();
    }
    try {
      for (let done = false; !done;) {
        const event = await take();
        done = event.type === "finish";
        yield event;
      }
    } finally {
      running.delete(generation);
      over.resolve();
    }
  }

  return { adapter, weighed, load: loads.at, generation: generations.at, loads: loads.seen, generations: generations.seen };
}

/** The items so far, and a promise of the n-th. */
function sequence<T>() {
  const seen: T[] = [];
  const places = new Map<number, PromiseWithResolvers<T>>();
  const place = (n: number): PromiseWithResolvers<T> => {
    const found = places.get(n) ?? Promise.withResolvers<T>();
    places.set(n, found);
    return found;
  };
  return {
    seen,
    push(item: T): void {
      seen.push(item);
      place(seen.length - 1).resolve(item);
    },
    at: (n: number): Promise<T> => place(n).promise,
  };
}
