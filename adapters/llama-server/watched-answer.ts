// Watches the answer to one request, of either route: what its failures mean, and that its slots are free once its client has left.
import { addAbortListener } from "node:events";
import { AdapterError } from "../adapter.ts";
import { BrokenAnswer, FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import type { ProcessWatchdog } from "../shared/watchdog.ts";
import type { LlamaServerClient } from "./http-client.ts";
import { waitForSlot } from "./wait-for-slot.ts";

export interface AnswerWatchOptions {
  /** Of the model. */
  id: string;
  client: LlamaServerClient;
  watchdog: ProcessWatchdog;
  /** In ms: how long a slot may go on working for a client that has left. */
  cancel_ms: number;
}

export interface WatchedAnswer<Event> {
  /** Sends the request. There is one `finish` among the events for each answer. */
  begin(signal: AbortSignal): Promise<AsyncGenerator<Event, void, undefined>>;
  /** How many answers: each has a slot. */
  count: number;
  /** Whether llama-server may go on with an answer behind its `finish`. */
  ends_early: boolean;
  errorOf(failure: FailedAnswer): AdapterError;
}

export type AnswerWatch = ReturnType<typeof createAnswerWatch>;

export function createAnswerWatch({ id, client, watchdog, cancel_ms }: AnswerWatchOptions) {
  /** Has an entry for each slot at work. */
  const running = new Set<object>();

  /** The error that the client gets. A server whose answer cannot be read is killed. */
  const errorOf = async (thrown: unknown, answer: Pick<WatchedAnswer<unknown>, "errorOf">): Promise<unknown> => {
    if (thrown instanceof AdapterError) return thrown;
    if (thrown instanceof FailedAnswer) return answer.errorOf(thrown);
    // The connection breaks a moment before the end of the process is known.
    await Promise.race([watchdog.closed, new Promise((done) => setTimeout(done, 500))]);
    const what = thrown instanceof BrokenAnswer ? "spoke nonsense" : "broke off the connection";
    watchdog.kill(new AdapterError("engine_crashed", `The engine of model "${id}" ${what} and was stopped. Ask again.`));
    return watchdog.reason;
  };

  const checkSlotIsFreed = async (): Promise<void> => {
    if (watchdog.reason !== undefined) return;
    if (await waitForSlot(client, running, cancel_ms, watchdog.gone).catch(() => true)) return;
    const message = `The engine of model "${id}" went on with a generation that was given up, and was stopped.`;
    watchdog.kill(new AdapterError("engine_crashed", message));
  };

  return async function* watch<Event extends { type: string }>(
    answer: WatchedAnswer<Event>,
    signal: AbortSignal,
  ): AsyncGenerator<Event> {
    signal.throwIfAborted();
    if (watchdog.reason !== undefined) throw watchdog.reason;
    const slots = Array.from({ length: answer.count }, () => ({}));
    const stop = new AbortController();
    // An answer may have no event for long, as one whose text waits for its logprobs: the end of the engine does not wait for the next one.
    const listeners = [signal, watchdog.ending].map((ends) => addAbortListener(ends, () => stop.abort()));
    for (const slot of slots) running.add(slot);
    let events: AsyncGenerator<Event, void, undefined> | undefined;
    try {
      while (slots.length > 0) {
        watchdog.beginWait();
        let next: IteratorResult<Event, void>;
        try {
          events ??= await answer.begin(stop.signal);
          next = await events.next();
          watchdog.touch();
        } finally {
          watchdog.endWait();
        }
        // Several events may have come at once, before the signal or the end of the process.
        signal.throwIfAborted();
        if (watchdog.reason !== undefined) throw watchdog.reason;
        if (next.done) throw new BrokenAnswer("The answer ended before its end.");
        if (next.value.type === "finish") running.delete(slots.pop()!);
        yield next.value;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw watchdog.reason ?? (await errorOf(error, answer));
    } finally {
      const left = slots.length > 0;
      for (const listener of listeners) listener[Symbol.dispose]();
      for (const slot of slots) running.delete(slot);
      stop.abort();
      if (left || answer.ends_early) void checkSlotIsFreed();
    }
  };
}
