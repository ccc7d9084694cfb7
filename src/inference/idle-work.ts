// Work that waits until no model loads or answers, and stops at once when one is to.
import type { Later } from "./loading-events.ts";

export type IdleWork = ReturnType<typeof createIdleWork>;

export interface IdleWorkOptions {
  /** Does what is to be done, as far as it comes before the signal aborts. Must not throw. */
  work(signal: AbortSignal): Promise<void>;
  later: Later;
}

/** In ms: a person reads an answer for longer. */
const IDLE_MS = 10_000;

export function createIdleWork({ work, later }: IdleWorkOptions) {
  let users = 0;
  let closed = false;
  let cancel = (): void => {};
  let running: { stop: AbortController; over: Promise<void> } | undefined;

  const start = (): void => {
    const stop = new AbortController();
    const over = (running?.over ?? Promise.resolve()).then(() => work(stop.signal));
    running = { stop, over };
  };

  const pause = (): void => {
    cancel();
    running?.stop.abort(new Error("A model is used."));
  };

  return {
    /** A model is used, until the function that is returned is called, once. */
    begin(): () => void {
      users++;
      pause();
      return () => {
        if (--users === 0 && !closed) cancel = later(IDLE_MS, start);
      };
    },
    /** Resolves when the work has stopped, for good. */
    async close(): Promise<void> {
      closed = true;
      pause();
      await running?.over;
    },
  };
}
