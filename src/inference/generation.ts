// The course of one generation: its phase, how long it may take, and how it ended.
import { AdapterError, type Usage } from "../../adapters/adapter.ts";
import type { GenerationEnd, Phase, PoolMetrics } from "./metrics.ts";
import type { Later } from "./loading-events.ts";
import { ApiError, toApiError } from "../http/errors.ts";
import type { GenerationTrace } from "../http/app-env.ts";

/** What a use of an engine yields, such as a `ChatEvent`. The last event is of type `finish` and has the usage. */
export interface EngineEvent {
  type: string;
  usage?: Usage;
}

interface GenerationOptions {
  /** The id of the model. */
  model: string;
  /** Aborts when the client leaves. */
  signal: AbortSignal;
  /** From now to the last event, in ms; `Infinity` for no limit. */
  timeout: number;
  /** Is filled in with what the generation was. */
  trace?: GenerationTrace | undefined;
  /** Absent: what is no generation is not counted as one. */
  metrics: PoolMetrics | undefined;
  /** Milliseconds that only grow. */
  elapsed: () => number;
  later: Later;
}

export function createGeneration({ model, signal, timeout, trace, metrics, elapsed, later }: GenerationOptions) {
  const arrival = elapsed();
  const spent: Record<Phase, number> = { queue: 0, load: 0, prefill: 0, decode: 0 };
  let phase: Phase = "queue";
  let phaseBegan = arrival;
  let outcome: GenerationEnd | undefined;
  /** Why it was stopped from here. */
  let stopError: ApiError | undefined;
  let releaseSlots = (): void => {};
  let finished = false;

  const enterPhase = (next: Phase): void => {
    const now = elapsed();
    spent[phase] += now - phaseBegan;
    phaseBegan = now;
    phase = next;
  };

  const stop = new AbortController();
  const stopWith = (error: ApiError, end: GenerationEnd): void => {
    stopError = error;
    outcome = end;
    stop.abort(error);
    // At once, not when the error goes out: a client that reads slowly would keep the slot until it has read everything before.
    releaseSlots();
  };
  const expire = (): void => {
    enterPhase(phase);
    const error = tooLong(timeout, spent);
    stopWith(error, ["timed_out", phase, error.code!]);
  };

  const cancelDeadline = timeout === Number.POSITIVE_INFINITY ? () => {} : later(timeout, expire);
  const stopped = AbortSignal.any([signal, stop.signal]);

  return {
    /** Aborts when the client leaves, when the generation takes too long, and at `stop`. */
    signal: stopped,
    /** Ends it with this error, unless it has ended. */
    stop(error: ApiError): void {
      if (outcome === undefined) stopWith(error, failure(error, phase));
    },
    /** `release` gives its slots back; called when the generation is stopped, whether its events are read or not. */
    slotAcquired(release: () => void): void {
      releaseSlots = release;
      enterPhase("load");
      metrics?.slotAcquired(model, phaseBegan - arrival);
    },
    modelLoaded: (): void => enterPhase("prefill"),
    /** To be called with each event before it goes out. */
    observe(event: EngineEvent): void {
      if (phase === "prefill" && event.type !== "prompt" && event.type !== "finish") {
        enterPhase("decode");
        if (trace !== undefined) trace.first_token_ms = phaseBegan - arrival;
        metrics?.firstToken(model, phaseBegan - arrival);
      }
      finished ||= event.type === "finish";
      if (!finished) return;
      cancelDeadline();
      outcome = ["ok", "", ""];
      if (event.usage === undefined) return;
      if (trace !== undefined) trace.usage = event.usage;
      metrics?.generationDone(model, elapsed() - arrival, event.usage);
    },
    /** To be called behind the last event. Throws where that was none: a part of an answer is not to pass for all of it. */
    checkFinished(): void {
      if (finished) return;
      stopped.throwIfAborted();
      throw new AdapterError("engine_crashed", "The engine ended its answer before it was complete. Try again.");
    },
    /** Notes the error and returns the one to be thrown: after the deadline, 504, after `stop` its error. */
    fail(error: unknown): unknown {
      const reason = stopError ?? error;
      if (stopError === undefined && signal.aborted) outcome ??= ["cancelled", phase, ""];
      outcome ??= failure(reason, phase);
      return reason;
    },
    /** To be called last, however the generation went. */
    end(): void {
      cancelDeadline();
      // Without an outcome the reader has left the iteration.
      outcome ??= ["cancelled", phase, ""];
      metrics?.generationEnded(model, ...outcome);
    },
  };
}

function failure(error: unknown, phase: Phase): GenerationEnd {
  const code = toApiError(error).code ?? "server_error";
  return [code === "queue_full" ? "refused" : "error", phase, code];
}

function tooLong(timeout: number, { queue, load, prefill, decode }: Record<Phase, number>): ApiError {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const parts = `${seconds(queue)} in the queue, ${seconds(load)} for its model to load, ${seconds(prefill + decode)} for its answer`;
  const message = `The request was not done within ${timeout / 1000} s, the limit of this server: it took ${parts}.`;
  return new ApiError(504, `${message} Ask for fewer tokens, or raise --timeout.`, { code: "request_timeout" });
}
