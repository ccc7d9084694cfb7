// Waiting for a load: with events for the client meanwhile, and no longer than the client does.
import { addAbortListener } from "node:events";
import { setTimeout } from "node:timers";

/** Calls `work` once, in `ms`; the function that is returned cancels that. */
export type Later = (ms: number, work: () => void) => () => void;

/** A timer of the runtime that keeps no process alive. */
export const later: Later = (ms, work) => {
  const timer = setTimeout(work, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

// A load that is over sooner has an HTTP status of its own, also when it fails; in ms.
const FIRST_MS = 5_000;
const EVERY_MS = 2_000;

/** Sent while the model of a request loads. */
export interface LoadingEvent {
  type: "loading";
}

/** Yields an event every few seconds until the load is over. The load goes on when the signal ends the waiting. */
export async function* withLoadingEvents<T extends object>(
  load: Promise<T>,
  signal: AbortSignal,
  later: Later,
): AsyncGenerator<LoadingEvent, T> {
  for (let ms = FIRST_MS; ; ms = EVERY_MS) {
    const silence = Promise.withResolvers<undefined>();
    const cancel = later(ms, () => silence.resolve(undefined));
    try {
      const loaded = await unlessAborted(Promise.race([load, silence.promise]), signal);
      if (loaded !== undefined) return loaded;
    } finally {
      cancel();
    }
    yield { type: "loading" };
  }
}

/** Rejects with the signal's reason where that comes first; the promise goes on. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const listener = addAbortListener(signal, () => aborted.reject(signal.reason));
  return Promise.race([promise, aborted.promise]).finally(() => listener[Symbol.dispose]());
}
