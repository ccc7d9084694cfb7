// The servers of one model: which of them gets a turn, and which are set aside until they answer again.
import { type Affinity, createAffinity, preferred, type Talk } from "./affinity.ts";
import type { ServerFailure } from "./errors.ts";

export interface Server {
  readonly url: string;
  /** With its port, for sentences. */
  readonly host: string;
}

export interface Fleet {
  /**
   * Lends a place at a server that is none of `tried`, and waits for one where all are taken; undefined where there is no such
   * server. Those set aside count only where `anyone` will do and there is no other. Throws the signal's reason.
   */
  take(talk: Talk, tried: Set<Server>, anyone: boolean, signal: AbortSignal): Promise<Server | undefined>;
  /** The turn there is over. */
  leave(server: Server): void;
  /** It has begun to answer. */
  answered(server: Server, talk: Talk): void;
  /** It has not: it gets no turns for a while. */
  failed(server: Server, failure: ServerFailure): void;
  /** Asks all of them, and resolves when the first has answered. Throws what each has failed with. */
  open(): Promise<void>;
  /** No further probes. */
  close(): void;
}

export interface FleetOptions {
  urls: string[];
  /** Turns at a time of each server. */
  slots: number;
  /** In ms: how long a server rests after its first failure in a row, its second and so on. */
  rests: number[];
  /** Asks a server whether it is there; throws `ServerFailure`. */
  probe(server: Server): Promise<void>;
  log: (line: string) => void;
}

interface State extends Server {
  busy: number;
  well: boolean;
  /** In a row, probes included. */
  failures: number;
  timer?: ReturnType<typeof setTimeout>;
}

/** So many turns more than the least busy server has: a conversation is read again elsewhere sooner than it gets a turn here. */
const CLEARLY_BUSIER = 2;

/** In ms: where a server that is busy does not say when it has room, and the most that is believed of one that does. */
const BUSY_MS = 1_000;
const LONGEST_BUSY_MS = 30_000;

export function createFleet({ urls, slots, rests, probe, log }: FleetOptions): Fleet {
  const servers: State[] = urls.map((url) => ({ url, host: new URL(url).host, busy: 0, well: false, failures: 0 }));
  const stateOf = (server: Server): State => server as State;
  const affinity = createAffinity();
  /** Each looks for a place once more. */
  const waiting = new Set<() => void>();
  let closed = false;

  /** In the order of their coming: what there is goes to whoever has waited for longest. */
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };

  const back = (server: State): void => {
    clearTimeout(server.timer);
    if (server.failures > 0) log(`${server.host} answers again.`);
    server.well = true;
    wake();
  };

  const aside = (server: State, ms: number, then: () => void): void => {
    clearTimeout(server.timer);
    server.well = false;
    server.timer = setTimeout(then, ms);
    server.timer.unref();
    wake();
  };

  const rest = (server: State, { message }: ServerFailure): void => {
    if (closed) return;
    const ms = rests[Math.min(server.failures++, rests.length - 1)]!;
    log(`${message} It is set aside for ${ms / 1000} s.`);
    aside(server, ms, () => void probed(server).catch(() => {}));
  };

  const probed = async (server: State): Promise<void> => {
    try {
      await probe(server);
      back(server);
    } catch (error) {
      rest(server, error as ServerFailure);
      throw error;
    }
  };

  return {
    async take(talk, tried, anyone, signal) {
      for (;;) {
        signal.throwIfAborted();
        const untried = servers.filter((server) => !tried.has(server));
        const well = untried.filter((server) => server.well);
        const able = well.length > 0 || !anyone ? well : untried;
        if (able.length === 0) return undefined;
        const chosen = choose(
          able.filter(({ busy }) => busy < slots),
          talk,
          affinity,
        );
        if (chosen !== undefined) {
          chosen.busy++;
          return chosen;
        }
        await nextChange(waiting, signal);
      }
    },
    leave(server) {
      stateOf(server).busy--;
      wake();
    },
    answered(server, talk) {
      const state = stateOf(server);
      if (!state.well) back(state);
      state.failures = 0;
      affinity.remember(talk, server.url);
    },
    failed(server, failure) {
      const state = stateOf(server);
      // What fails at the same time fails for one reason.
      if (failure.verdict === "request" || !state.well || closed) return;
      if (failure.verdict !== "busy") return rest(state, failure);
      const ms = failure.retry_after === undefined ? BUSY_MS : failure.retry_after * 1000;
      aside(state, Math.min(ms, LONGEST_BUSY_MS), () => back(state));
    },
    async open() {
      await Promise.any(servers.map(probed));
    },
    close() {
      closed = true;
      for (const { timer } of servers) clearTimeout(timer);
    },
  };
}

function choose(servers: State[], talk: Talk, affinity: Affinity): State | undefined {
  const least = Math.min(...servers.map(({ busy }) => busy));
  const known = affinity.find(talk);
  const home = servers.find(({ url }) => url === known);
  if (home !== undefined && home.busy - least < CLEARLY_BUSIER) return home;
  return preferred(
    servers.filter(({ busy }) => busy === least),
    talk,
  );
}

/** Until somebody leaves, or is well again. */
async function nextChange(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    waiting.delete(look);
    resolve();
  };
  waiting.add(look);
  signal.addEventListener("abort", look, { once: true });
  await promise;
  signal.removeEventListener("abort", look);
}
