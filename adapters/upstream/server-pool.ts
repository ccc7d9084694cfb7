// The servers of one model: which of them gets a generation, and which are set aside until they answer again.
import { addAbortListener } from "node:events";
import { type Affinity, createAffinity, preferredServer, type RoutedConversation } from "./affinity.ts";
import type { ServerFailure } from "./errors.ts";

export interface PoolServer {
  readonly url: string;
  /** With its port, for sentences. */
  readonly host: string;
  /** Generations that run on it. */
  busy: number;
  healthy: boolean;
  /** In a row, probes included. */
  failures: number;
  timer?: ReturnType<typeof setTimeout>;
}

export type ServerPool = ReturnType<typeof createServerPool>;

export interface ServerPoolOptions {
  urls: string[];
  /** Generations at a time of each server. */
  slots: number;
  /** In ms: how long a server is set aside after its first failure in a row, its second and so on. */
  backoffs: number[];
  /** Asks a server whether it is there; throws `ServerFailure`. */
  probe(server: PoolServer): Promise<void>;
  log: (line: string) => void;
}

/** A server with so many generations more than the least busy one loses its conversations: reading again elsewhere is sooner done. */
const CLEARLY_BUSIER = 2;

/** In ms: how long a busy server is set aside that gives no `Retry-After`, and at most where it gives one. */
const BUSY_MS = 1_000;
const MAX_BUSY_MS = 30_000;

export function createServerPool({ urls, slots, backoffs, probe, log }: ServerPoolOptions) {
  const servers: PoolServer[] = urls.map((url) => ({ url, host: new URL(url).host, busy: 0, healthy: false, failures: 0 }));
  const affinity = createAffinity();
  /** Each retries to acquire a slot. */
  const waiting = new Set<() => void>();
  let closed = false;

  /** Wakes in the order of arrival, so that a free slot goes to the request that has waited for longest. */
  const wakeAll = (): void => {
    for (const retry of [...waiting]) retry();
  };

  const bringBack = (server: PoolServer): void => {
    clearTimeout(server.timer);
    if (server.failures > 0) log(`${server.host} answers again.`);
    server.healthy = true;
    wakeAll();
  };

  const setAside = (server: PoolServer, ms: number, then: () => void): void => {
    clearTimeout(server.timer);
    server.healthy = false;
    server.timer = setTimeout(then, ms);
    server.timer.unref();
    wakeAll();
  };

  const backOff = (server: PoolServer, { message }: ServerFailure): void => {
    if (closed) return;
    const ms = backoffs[Math.min(server.failures++, backoffs.length - 1)]!;
    log(`${message} It is set aside for ${ms / 1000} s.`);
    setAside(server, ms, () => void probeServer(server).catch(() => {}));
  };

  const probeServer = async (server: PoolServer): Promise<void> => {
    try {
      await probe(server);
      bringBack(server);
    } catch (error) {
      backOff(server, error as ServerFailure);
      throw error;
    }
  };

  return {
    /**
     * Takes a slot of a server that is none of `tried`, and waits for one where all are taken; undefined where there is no such server.
     * Servers that are set aside count only with `set_aside_too` and where there is no other. Throws the signal's reason.
     */
    async acquire(conversation: RoutedConversation, tried: Set<PoolServer>, set_aside_too: boolean, signal: AbortSignal) {
      for (;;) {
        signal.throwIfAborted();
        const untried = servers.filter((server) => !tried.has(server));
        const healthy = untried.filter((server) => server.healthy);
        const eligible = healthy.length > 0 || !set_aside_too ? healthy : untried;
        if (eligible.length === 0) return undefined;
        const free = eligible.filter(({ busy }) => busy < slots);
        const chosen = chooseServer(free, conversation, affinity);
        if (chosen !== undefined) {
          chosen.busy++;
          return chosen;
        }
        await nextChange(waiting, signal);
      }
    },
    /** The least busy server that is none of `tried`, for what takes no slot; of those that are set aside where no other is left. */
    leastBusy(tried: ReadonlySet<PoolServer>): PoolServer | undefined {
      const untried = servers.filter((server) => !tried.has(server));
      return untried.toSorted((a, b) => Number(b.healthy) - Number(a.healthy) || a.busy - b.busy)[0];
    },
    /** Gives the slot back when its generation is over. */
    release(server: PoolServer): void {
      server.busy--;
      wakeAll();
    },
    /** The server has begun to answer. */
    answered(server: PoolServer, conversation: RoutedConversation): void {
      if (!server.healthy) bringBack(server);
      server.failures = 0;
      affinity.remember(conversation, server.url);
    },
    /** The server has failed and is set aside, unless the request is at fault. */
    failed(server: PoolServer, failure: ServerFailure): void {
      // Failures at the same time have one reason: the first of them sets the server aside.
      if (failure.verdict === "request" || !server.healthy || closed) return;
      if (failure.verdict !== "busy") return backOff(server, failure);
      const ms = failure.retry_after === undefined ? BUSY_MS : failure.retry_after * 1000;
      setAside(server, Math.min(ms, MAX_BUSY_MS), () => bringBack(server));
    },
    /** Probes all servers, and resolves when the first has answered. Throws an `AggregateError` of their failures. */
    async open(): Promise<void> {
      await Promise.any(servers.map(probeServer));
    },
    /** Ends the probes. */
    close(): void {
      closed = true;
      for (const { timer } of servers) clearTimeout(timer);
    },
  };
}

function chooseServer(servers: PoolServer[], conversation: RoutedConversation, affinity: Affinity): PoolServer | undefined {
  const least = Math.min(...servers.map(({ busy }) => busy));
  const known = affinity.find(conversation);
  const home = servers.find(({ url }) => url === known);
  if (home !== undefined && home.busy - least < CLEARLY_BUSIER) return home;
  const idlest = servers.filter(({ busy }) => busy === least);
  return preferredServer(idlest, conversation);
}

/** Resolves when a slot is free, a server is back or set aside, or the signal is aborted. */
async function nextChange(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const retry = (): void => {
    waiting.delete(retry);
    resolve();
  };
  waiting.add(retry);
  const abort_listener = addAbortListener(signal, retry);
  await promise;
  abort_listener[Symbol.dispose]();
}
