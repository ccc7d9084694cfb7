// A model that other servers with OpenAI's API run: vLLM, llama-server, another ingle. A generation goes to one of them; where that one fails
// before the client has received anything, it goes to another.
import { addAbortListener } from "node:events";
import { AdapterError, type Adapter, type Engine } from "../adapter.ts";
import { ABOUT } from "./description.ts";
import { createEmbeddingCalls } from "./embedding-calls.ts";
import type { ServerFailure } from "./errors.ts";
import { generateChat, generateCompletion } from "./generation.ts";
import type { UpstreamTimeouts } from "./http-request.ts";
import { fetchContextLength, noServerFailure } from "./list-models.ts";
import { createPromptCalls } from "./prompt-calls.ts";
import { createServerPool, type PoolServer, type ServerPool } from "./server-pool.ts";
import { type UpstreamConfig, upstreamConfigOf } from "./upstream-config.ts";

export interface UpstreamOptions {
  /** Holds the keys. */
  env: Record<string, string | undefined>;
  /** Takes a sentence when a server is set aside, or is back. */
  log?: (line: string) => void;
  limits?: Partial<typeof LIMITS>;
}

/** In ms. `backoffs`: how long a server is left alone after its first failure in a row, its second and so on. */
const LIMITS: UpstreamTimeouts & { backoffs: number[] } = {
  connect_ms: 10_000,
  first_ms: 300_000,
  amid_ms: 120_000,
  backoffs: [1_000, 2_000, 5_000, 10_000, 30_000],
};

export function upstream({ env, log = () => {}, limits }: UpstreamOptions): Adapter {
  const all = { ...LIMITS, ...limits };
  return {
    ...ABOUT,
    async load(model, { context }, signal) {
      signal.throwIfAborted();
      const config = upstreamConfigOf(model, env, all);
      const closing = new AbortController();
      const contexts = new Map<PoolServer, number>();
      const pool = createServerPool({
        urls: config.urls,
        slots: config.slots,
        backoffs: all.backoffs,
        log: (text) => log(`model "${model.id}": ${text}`),
        async probe(server) {
          const found = await fetchContextLength(config, server, closing.signal);
          if (found !== undefined) contexts.set(server, found);
        },
      });
      await openPool(pool, signal, closing);
      return engineOf(config, pool, closing, () => Math.min(...contexts.values(), contexts.size > 0 ? Infinity : context));
    },
  };
}

/** Throws `AdapterError` where no server answers, and the signal's reason. */
async function openPool(pool: ServerPool, signal: AbortSignal, closing: AbortController): Promise<void> {
  const close = (): void => {
    pool.close();
    closing.abort(signal.reason);
  };
  const abort_listener = addAbortListener(signal, close);
  try {
    await pool.open();
  } catch (error) {
    close();
    signal.throwIfAborted();
    throw noServerFailure((error as AggregateError).errors as ServerFailure[]);
  } finally {
    abort_listener[Symbol.dispose]();
  }
}

function engineOf(config: UpstreamConfig, pool: ServerPool, closing: AbortController, context: () => number): Engine {
  const closed = Promise.withResolvers<undefined>();
  return {
    slots: config.slots * config.urls.length,
    get context_length() {
      return context();
    },
    closed: closed.promise,
    chat: (request, signal) => generateChat(config, pool, request, AbortSignal.any([signal, closing.signal])),
    complete: (request, signal) => generateCompletion(config, pool, request, AbortSignal.any([signal, closing.signal])),
    ...createPromptCalls(config, pool, closing.signal),
    ...createEmbeddingCalls(config, pool, closing.signal),
    async close() {
      pool.close();
      closing.abort(new AdapterError("engine_unavailable", "The engine was stopped."));
      closed.resolve(undefined);
    },
  };
}
