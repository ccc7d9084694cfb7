// A model that other servers with OpenAI's API run: vLLM, llama-server, another ingle. A turn goes to one of them; one that fails before
// the client has seen anything is asked of another.
import { AdapterError, CAPABILITIES, type Adapter, type Engine } from "../adapter.ts";
import type { ServerFailure } from "./errors.ts";
import { createFleet, type Fleet, type Server } from "./server-pool.ts";
import type { Limits } from "./http-request.ts";
import { type Line, lineTo } from "./upstream-config.ts";
import { contextThere, nobody } from "./list-models.ts";
import { turn } from "./generation.ts";

export interface UpstreamOptions {
  /** Holds the keys. */
  env: Record<string, string | undefined>;
  /** A server was set aside, or is back. */
  log?: (line: string) => void;
  limits?: Partial<typeof LIMITS>;
}

/** In ms. `rests`: how long a server is left alone after its first failure in a row, its second and so on. */
const LIMITS: Limits & { rests: number[] } = {
  connect_ms: 10_000,
  first_ms: 300_000,
  amid_ms: 120_000,
  rests: [1_000, 2_000, 5_000, 10_000, 30_000],
};

/** In seconds: after a load for which no server was there. */
const RETRY_AFTER = 5;

export function upstream({ env, log = () => {}, limits }: UpstreamOptions): Adapter {
  const all = { ...LIMITS, ...limits };
  return {
    name: "upstream",
    // What a server there cannot do it says itself, and the client is told so.
    capabilities: () => CAPABILITIES,
    async load(model, { context }, signal) {
      signal.throwIfAborted();
      const line = lineTo(model, env, all);
      const closing = new AbortController();
      const contexts = new Map<Server, number>();
      const fleet = createFleet({
        urls: line.urls,
        slots: line.slots,
        rests: all.rests,
        log: (text) => log(`model "${model.id}": ${text}`),
        async probe(server) {
          const found = await contextThere(line.asked(server), server.url, line.key, all, closing.signal);
          if (found !== undefined) contexts.set(server, found);
        },
      });
      await opened(fleet, signal, closing);
      return engineOf(line, fleet, closing, () => Math.min(...contexts.values(), contexts.size > 0 ? Infinity : context));
    },
  };
}

/** Throws `AdapterError` where no server is there, and the signal's reason. */
async function opened(fleet: Fleet, signal: AbortSignal, closing: AbortController): Promise<void> {
  const onAbort = (): void => {
    fleet.close();
    closing.abort(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await fleet.open();
  } catch (error) {
    fleet.close();
    closing.abort();
    signal.throwIfAborted();
    throw nobody((error as AggregateError).errors as ServerFailure[], RETRY_AFTER);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function engineOf(line: Line, fleet: Fleet, closing: AbortController, context: () => number): Engine {
  const closed = Promise.withResolvers<undefined>();
  return {
    slots: line.slots * line.urls.length,
    get context_length() {
      return context();
    },
    closed: closed.promise,
    chat: (request, signal) => turn(line, fleet, request, AbortSignal.any([signal, closing.signal])),
    async close() {
      fleet.close();
      closing.abort(new AdapterError("engine_unavailable", "The engine was stopped."));
      closed.resolve(undefined);
    },
  };
}
