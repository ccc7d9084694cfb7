// Watches the process of one engine: silence ends it while somebody waits for it, and its end is the error of all that wait.
import { addAbortListener } from "node:events";
import { AdapterError } from "../adapter.ts";
import { limitMemory, MEMORY_MARGIN } from "./memory-limit.ts";

/** In milliseconds. */
export interface WatchdogLimits {
  /** Silence during a load. */
  load: number;
  /** Silence while a generation waits for the engine. */
  generation: number;
  /** From `close` asking the process to end to its being killed. */
  close: number;
}

/** As `WatchdogLimits.generation`, for models that compute texts of thousands of tokens in one step. */
export const LONG_TEXT_MS = 300_000;

export interface WatchdogOptions {
  /** The model's id, for error messages. */
  id: string;
  limits: WatchdogLimits;
  /** Of the process; undefined where it could not be started. */
  pid: number | undefined;
  /** Bytes that the model takes by estimate; absent: no limit. */
  memory?: number | undefined;
  /** Asks the process to end its work. Called once. */
  terminate(): void;
  kill(): void;
}

export type ProcessWatchdog = ReturnType<typeof watchProcess>;

export function watchProcess({ id, limits, pid, memory = Infinity, terminate, kill: killProcess }: WatchdogOptions) {
  const closed = Promise.withResolvers<AdapterError | undefined>();
  const gone = new AbortController();
  const ending = new AbortController();
  let reason: AdapterError | undefined;
  let closing: Promise<void> | undefined;
  let loaded = false;
  let waiting = 0;
  let last = Date.now();

  const touch = (): void => void (last = Date.now());
  const giveReason = (error: AdapterError): void => {
    reason ??= error;
    ending.abort();
  };
  const kill = (error: AdapterError): void => {
    giveReason(error);
    killProcess();
  };
  const checkSilence = (): void => {
    const limit = loaded ? limits.generation : limits.load;
    if ((loaded && waiting === 0) || Date.now() - last < limit) return;
    kill(new AdapterError("engine_timeout", `The engine of model "${id}" gave no sign of life for ${limit / 1000} s.`));
  };
  const timer = setInterval(checkSilence, Math.min(1_000, limits.generation, limits.load)).unref();
  const stopLimit = limitMemory(pid, {
    bytes: memory + MEMORY_MARGIN,
    onExceeded: () => kill(new AdapterError("engine_crashed", `The engine of model "${id}" grew without end and was stopped.`)),
  });

  const end = async (before?: () => Promise<void>): Promise<void> => {
    if (before !== undefined) await Promise.race([before(), closed.promise]);
    terminate();
    const late = setTimeout(killProcess, limits.close);
    await closed.promise;
    clearTimeout(late);
  };
  const close = (before?: () => Promise<void>): Promise<void> => {
    giveReason(new AdapterError("engine_unavailable", "The engine was stopped."));
    return (closing ??= end(before));
  };
  const rejectOnExit = async (): Promise<never> => {
    await closed.promise;
    throw reason;
  };

  return {
    /** Settles as `Engine.closed` does. */
    closed: closed.promise,
    /** Aborts when `closed` settles. */
    gone: gone.signal,
    /** Aborts when there is a `reason`, before the process ends. */
    ending: ending.signal,
    /** Why the process has ended or is about to; undefined while it is to go on. */
    get reason() {
      return reason;
    },
    get loaded() {
      return loaded;
    },
    /** Notes a sign of life. */
    touch,
    /** Silence counts while somebody waits: a slow reader of events is not a reason to end the engine. */
    beginWait(): void {
      if (waiting++ === 0) touch();
    },
    endWait: () => void waiting--,
    /** Awaits the load of the engine. Where it fails or `signal` aborts, the process has ended before this throws. */
    async load<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
      const listener = addAbortListener(signal, () => kill(new AdapterError("engine_unavailable", "The load was stopped.")));
      try {
        const engine = await Promise.race([work, rejectOnExit()]);
        loaded = true;
        return engine;
      } catch (error) {
        await close();
        signal.throwIfAborted();
        throw error;
      } finally {
        listener[Symbol.dispose]();
      }
    },
    kill,
    /** Takes note that the process has ended, with `code 1` for example. `load_error`: what an end during a load means. */
    exited(how: string, load_error?: AdapterError): void {
      clearInterval(timer);
      stopLimit();
      const unreadable = `Model "${id}" cannot be loaded: the engine ended with ${how} while reading it.`;
      const crash = new AdapterError("engine_crashed", `The engine of model "${id}" ended with ${how}. Ask again.`);
      giveReason(loaded ? crash : (load_error ?? new AdapterError("model_load_failed", unreadable)));
      closed.resolve(closing === undefined ? reason : undefined);
      gone.abort();
    },
    /** Asks the process to end, after `before`, which must not reject; then kills it. Safe to call twice. */
    close,
  };
}
