// The slots of one model: each is lent to one turn at a time, and who finds none free waits in a bounded queue.
import { ApiError } from "../errors.ts";

export interface Slots {
  /** All of them. */
  readonly count: number;
  /** Turns that have a slot. While somebody waits, it is all of them. */
  readonly busy: number;
  /** Turns in the queue. */
  readonly waiting: number;
  /** Takes a slot, in the order of asking. Throws `ApiError` 429 when the queue is full, and the signal's reason. */
  enter(signal: AbortSignal): Promise<void>;
  leave(): void;
}

// What a full queue is told to wait, in seconds.
const RETRY_AFTER = 2;

export function createSlots(id: string, slots: number, queue: number): Slots {
  let busy = 0;
  /** Each lets one turn in. */
  const waiting: (() => void)[] = [];

  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) busy--;
    else next();
  };

  return {
    count: slots,
    get busy() {
      return busy;
    },
    get waiting() {
      return waiting.length;
    },
    async enter(signal) {
      signal.throwIfAborted();
      if (busy < slots) {
        busy++;
        return;
      }
      if (waiting.length >= queue) throw full(id, slots, queue);
      const turn = Promise.withResolvers<void>();
      const onAbort = (): void => {
        const at = waiting.indexOf(turn.resolve);
        if (at >= 0) waiting.splice(at, 1);
        turn.reject(signal.reason);
      };
      waiting.push(turn.resolve);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        await turn.promise;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
      // The slot came in the same moment as the abort: it goes to the next.
      if (signal.aborted) leave();
      signal.throwIfAborted();
    },
    leave,
  };
}

function full(id: string, slots: number, queue: number): ApiError {
  return new ApiError(429, `All ${slots} slots of model "${id}" are busy and ${queue} requests wait already. Try again later.`, {
    code: "queue_full",
    headers: { "retry-after": String(RETRY_AFTER) },
  });
}
