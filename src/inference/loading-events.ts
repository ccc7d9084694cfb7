// Waiting for what may come or not: a load, a time, a client that leaves.
import { setTimeout as timeout } from "node:timers";

/** Calls `work` once, in `ms`; the function that is returned takes it back. */
export type Later = (ms: number, work: () => void) => () => void;

/** The runtime's own. It keeps no process alive. */
export const later: Later = (ms, work) => {
  const timer = timeout(work, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

// A load that is over sooner has an HTTP status of its own, also when it fails; in ms.
const GRACE_MS = 5_000;
const EVERY_MS = 2_000;

/** A sign of life of a model that is not there yet. */
export interface LoadingEvent {
  type: "loading";
}

/** Yields a sign of life now and then, the first after five seconds. The promise goes on where the waiting ends with the signal. */
export async function* withLoadingEvents<T extends object>(
  loading: Promise<T>,
  signal: AbortSignal,
  later: Later,
): AsyncGenerator<LoadingEvent, T> {
  for (let ms = GRACE_MS; ; ms = EVERY_MS) {
    const silence = Promise.withResolvers<undefined>();
    const cancel = later(ms, () => silence.resolve(undefined));
    try {
      const loaded = await unlessAborted(Promise.race([loading, silence.promise]), signal);
      if (loaded !== undefined) return loaded;
    } finally {
      cancel();
    }
    yield { type: "loading" };
  }
}

/** The promise goes on; the waiting ends. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener("abort", onAbort));
}
