// The course of one turn: what it waits for at the moment, how long it may take, and how it ended.
import type { ChatEvent } from "../../adapters/adapter.ts";
import type { PoolMetrics, Outcome, Phase } from "./metrics.ts";
import type { Later } from "./loading-events.ts";
import { ApiError, toApiError } from "../http/errors.ts";

export interface Generation {
  /** Aborts when the client leaves, and when the turn takes too long. */
  readonly signal: AbortSignal;
  /** It has a slot, which `leave` gives back. */
  slotAcquired(leave: () => void): void;
  /** Its model is loaded. */
  modelLoaded(): void;
  /** What the engine says; to be called before it goes out. */
  observe(event: ChatEvent): void;
  /** It ends with this error; answers with the one to be thrown. */
  failed(error: unknown): unknown;
  /** It is over, however. */
  end(): void;
}

export interface GenerationOptions {
  /** The id of its model. */
  model: string;
  /** Aborts when the client leaves. */
  signal: AbortSignal;
  /** In ms, `Infinity` for none: how long it may take, from now to its last token. */
  timeout: number;
  counts: PoolMetrics;
  /** Milliseconds that only grow. */
  elapsed: () => number;
  later: Later;
}

export function createGeneration({ model, signal, timeout, counts, elapsed, later }: GenerationOptions): Generation {
  const began = elapsed();
  const spent: Record<Phase, number> = { queue: 0, load: 0, prefill: 0, decode: 0 };
  let phase: Phase = "queue";
  let since = began;
  let end: [Outcome, Phase | "", string] | undefined;
  let late: ApiError | undefined;
  let leave = (): void => {};

  const enter = (next: Phase): void => {
    const now = elapsed();
    spent[phase] += now - since;
    since = now;
    phase = next;
  };

  const expire = (stop: AbortController): void => {
    enter(phase);
    late = tooLong(timeout, spent);
    end = ["timed_out", phase, late.code!];
    stop.abort(late);
    // Not when the error is out: a client that reads slowly would keep the slot until it has read everything before.
    leave();
  };

  const clock = timeout === Number.POSITIVE_INFINITY ? { signal, stop: () => {} } : deadline(signal, timeout, later, expire);

  return {
    signal: clock.signal,
    slotAcquired(giveBack) {
      leave = giveBack;
      enter("load");
      counts.waited(model, since - began);
    },
    modelLoaded: () => enter("prefill"),
    observe(event) {
      if (phase === "prefill" && event.type !== "prompt" && event.type !== "finish") {
        enter("decode");
        counts.first(model, since - began);
      }
      if (event.type !== "finish") return;
      clock.stop();
      end = ["ok", "", ""];
      counts.done(model, elapsed() - began, event.usage);
    },
    failed(error) {
      const reason = late ?? error;
      if (late === undefined && signal.aborted) end ??= ["cancelled", phase, ""];
      end ??= failure(reason, phase);
      return reason;
    },
    end() {
      clock.stop();
      // Neither done nor failed: who took the answer has let go of it.
      counts.ended(model, ...(end ?? (["cancelled", phase, ""] as const)));
    },
  };
}

/** `signal` aborts with another one, and may be aborted in `ms`. */
function deadline(signal: AbortSignal, ms: number, later: Later, expire: (stop: AbortController) => void) {
  const stop = new AbortController();
  return { signal: AbortSignal.any([signal, stop.signal]), stop: later(ms, () => expire(stop)) };
}

function failure(error: unknown, phase: Phase): [Outcome, Phase, string] {
  const code = toApiError(error).code ?? "server_error";
  return [code === "queue_full" ? "refused" : "error", phase, code];
}

function tooLong(timeout: number, { queue, load, prefill, decode }: Record<Phase, number>): ApiError {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const parts = `${seconds(queue)} in the queue, ${seconds(load)} for its model to load, ${seconds(prefill + decode)} for its answer`;
  const message = `The request was not done within ${timeout / 1000} s, the limit of this server: it took ${parts}.`;
  return new ApiError(504, `${message} Ask for fewer tokens, or raise --timeout.`, { code: "request_timeout" });
}
