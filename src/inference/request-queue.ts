// The slots of one model: each is lent to one turn at a time, and who finds none free waits in a bounded queue, where every client
// gets its share. The ways in and out; the order is in clients.ts.
import { createFairShare, type QueueClient } from "./fair-share.ts";
import { createRetryAfter } from "./retry-after.ts";
import { ApiError } from "../http/errors.ts";

export interface RequestQueue {
  /** All of them. */
  readonly count: number;
  /** Turns that have a slot. While somebody waits, it is all of them. */
  readonly busy: number;
  /** Turns in the queue. */
  readonly waiting: number;
  /**
   * Takes a slot for a turn of this client; the function that is returned gives it back, once. Throws `ApiError` 429 where the queue
   * is full, also to one that waits already and whose client has the most there, and the signal's reason.
   */
  acquire(signal: AbortSignal, client: string): Promise<() => void>;
}

export interface RequestQueueOptions {
  /** Of the model. */
  id: string;
  slots: number;
  /** Turns that may wait. */
  queue: number;
  /** Milliseconds that only grow. */
  elapsed: () => number;
}

export function createRequestQueue({ id, slots, queue, elapsed }: RequestQueueOptions): RequestQueue {
  const clients = createFairShare();
  const retryAfter = createRetryAfter();
  let busy = 0;

  const full = (what: string): ApiError =>
    new ApiError(429, `All ${slots} slots of model "${id}" are busy and ${queue} requests wait already. ${what}`, {
      code: "queue_full",
      headers: { "retry-after": String(retryAfter.seconds(clients.waiting, slots)) },
    });

  /** Lends a slot that is free. */
  const lend = (client: QueueClient): (() => void) => {
    const began = elapsed();
    busy++;
    clients.slotTaken(client);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      busy--;
      clients.slotFreed(client);
      retryAfter.measured(elapsed() - began);
      grantNext();
    };
  };

  const grantNext = (): void => {
    const next = clients.next();
    if (next === undefined) return;
    clients.dequeue(next);
    next.item.grant();
  };

  /** Throws where the queue is full and nobody has to give up a place. */
  const makePlace = (client: QueueClient): void => {
    if (clients.waiting < queue) return;
    const displaced = clients.evictionCandidate(client);
    if (displaced === undefined) throw full("Try again later.");
    const reason = full("This one gave its place to a client that has fewer. Try again later.");
    clients.dequeue(displaced);
    displaced.item.refuse(reason);
  };

  const wait = (signal: AbortSignal, client: QueueClient): Promise<() => void> => {
    makePlace(client);
    const turn = Promise.withResolvers<() => void>();
    const onAbort = (): void => {
      clients.dequeue(place);
      turn.reject(signal.reason);
    };
    const settled = (): void => signal.removeEventListener("abort", onAbort);
    const place = clients.enqueue({
      client,
      grant: () => (settled(), turn.resolve(lend(client))),
      refuse: (reason) => (settled(), turn.reject(reason)),
    });
    signal.addEventListener("abort", onAbort, { once: true });
    return turn.promise;
  };

  return {
    count: slots,
    get busy() {
      return busy;
    },
    get waiting() {
      return clients.waiting;
    },
    async acquire(signal, name) {
      signal.throwIfAborted();
      const client = clients.get(name);
      if (busy < slots) return lend(client);
      const leave = await wait(signal, client);
      // The slot came in the same moment as the abort: it goes to the next.
      if (signal.aborted) leave();
      signal.throwIfAborted();
      return leave;
    },
  };
}
