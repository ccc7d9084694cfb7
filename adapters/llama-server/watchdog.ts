// Whether an engine lives: it must say something while somebody waits for it, and its end ends everything that waits.
import { AdapterError } from "../adapter.ts";
import type { Server } from "./process.ts";

/** In milliseconds. */
export interface LifeLimits {
  /** A load without a sign of life. */
  load: number;
  /** The same while turns run. */
  turn: number;
  /** From a turn that was given up to its slot being idle. */
  cancel: number;
  /** From the wish to the end of the process. */
  close: number;
  /** One state of a conversation that is written down or read back. */
  state: number;
}

export interface Life {
  /** Settles as `Engine.closed` does. */
  closed: Promise<AdapterError | undefined>;
  /** Why it is gone or going; undefined while it lives. */
  readonly reason: AdapterError | undefined;
  /** A sign of life. */
  heard(): void;
  /** Waits for something of the engine, which may not keep silent meanwhile. */
  patiently<T>(something: Promise<T>): Promise<T>;
  kill(reason: AdapterError): void;
  /** `last` is what is done first, while turns end: it never rejects. */
  close(last?: () => Promise<void>): Promise<void>;
}

export interface LifeOptions {
  id: string;
  limits: LifeLimits;
  server: Server;
  /** What an end means that nobody wished for. */
  deathOf(ended: Awaited<Server["ended"]>): AdapterError;
  loaded(): boolean;
}

export function lifeOf({ id, limits, server, deathOf, loaded }: LifeOptions): Life {
  const closed = Promise.withResolvers<AdapterError | undefined>();
  let reason: AdapterError | undefined;
  let closing: Promise<void> | undefined;
  let waiting = 0;
  let last = Date.now();

  const heard = (): void => void (last = Date.now());
  const kill = (error: AdapterError): void => {
    reason ??= error;
    server.signal("SIGKILL");
  };
  const guard = setInterval(
    () => {
      const limit = loaded() ? limits.turn : limits.load;
      if ((loaded() && waiting === 0) || Date.now() - last < limit) return;
      kill(new AdapterError("engine_timeout", `The engine of model "${id}" gave no sign of life for ${limit / 1000} s.`));
    },
    Math.min(1_000, limits.turn, limits.load),
  );
  guard.unref();
  const end = async (): Promise<void> => {
    const ended = await server.ended;
    clearInterval(guard);
    reason ??= deathOf(ended);
    closed.resolve(closing === undefined ? reason : undefined);
  };
  void end();

  const stop = async (last?: () => Promise<void>): Promise<void> => {
    if (last !== undefined) await Promise.race([last(), server.ended]);
    server.signal("SIGTERM");
    const timer = setTimeout(() => server.signal("SIGKILL"), limits.close);
    await server.ended;
    clearTimeout(timer);
  };

  return {
    closed: closed.promise,
    get reason() {
      return reason;
    },
    heard,
    kill,
    async patiently(something) {
      if (waiting++ === 0) heard();
      try {
        const found = await something;
        heard();
        return found;
      } finally {
        waiting--;
      }
    },
    close(last) {
      reason ??= new AdapterError("engine_unavailable", "The engine was stopped.");
      // A second signal would be taken for impatience.
      return (closing ??= stop(last));
    },
  };
}
