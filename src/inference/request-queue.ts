// The slots of one model: each is lent to one request at a time, and a request that finds none free waits in a bounded queue. A request that
// has one may take further ones, as long as nobody waits for them.
import { addAbortListener } from "node:events";
import { createFairShare, type QueueClient } from "./fair-share.ts";
import { createRetryAfter } from "./retry-after.ts";
import { LEAST_DEFAULT_SLOTS, MOST_DEFAULT_SLOTS } from "../../models/memory-estimate.ts";
import { ApiError } from "../http/errors.ts";

export type RequestQueue = ReturnType<typeof createRequestQueue>;

export interface RequestQueueOptions {
  /** The id of the model. */
  id: string;
  /** Undefined: as many as a load will say. */
  slots: number | undefined;
  /** Requests that may wait. */
  queue: number;
  /** Milliseconds that only grow. */
  elapsed: () => number;
}

export function createRequestQueue({ id, slots: set, queue, elapsed }: RequestQueueOptions) {
  const share = createFairShare();
  const retryAfter = createRetryAfter();
  // Until a load has said how many slots there are, no more is lent than there will be, and no fewer may wait than will have a place.
  const [least, most] = [set ?? LEAST_DEFAULT_SLOTS, set ?? MOST_DEFAULT_SLOTS];
  let slots = least;
  let undecided = most - least;
  let busy = 0;

  const queueFull = (what: string): ApiError =>
    new ApiError(429, `All ${slots} slots of model "${id}" are busy and ${share.queued} requests wait already. ${what}`, {
      code: "queue_full",
      headers: { "retry-after": String(retryAfter.seconds(share.queued, slots)) },
    });

  const lendSlot = (client: QueueClient): (() => void) => {
    const lent = elapsed();
    let held = true;
    busy++;
    share.slotTaken(client);
    return function releaseSlot() {
      if (!held) return;
      held = false;
      busy--;
      share.slotFreed(client);
      retryAfter.measured(elapsed() - lent);
      grantNext();
    };
  };

  const grantNext = (): void => {
    const next = busy < slots ? share.next() : undefined;
    if (next === undefined) return;
    share.dequeue(next);
    next.grant();
    grantNext();
  };

  /** Throws where the queue is full and no request there gives up its place. */
  const makePlace = (client: QueueClient): void => {
    if (share.queued < queue + undecided) return;
    const evicted = share.evictionCandidate(client);
    if (evicted === undefined) throw queueFull("Try again later.");
    const reason = queueFull("This one gave its place to a client that has fewer. Try again later.");
    share.dequeue(evicted);
    evicted.refuse(reason);
  };

  const waitForSlot = (signal: AbortSignal, client: QueueClient): Promise<() => void> => {
    makePlace(client);
    const slot = Promise.withResolvers<() => void>();
    const request = share.enqueue({ client, grant: () => slot.resolve(lendSlot(client)), refuse: slot.reject });
    const listener = addAbortListener(signal, () => {
      share.dequeue(request);
      slot.reject(signal.reason);
    });
    return slot.promise.finally(() => listener[Symbol.dispose]());
  };

  return {
    get slots(): number {
      return slots;
    },
    /** A load has given the model so many slots. */
    settle(count: number): void {
      [slots, undecided] = [count, 0];
      grantNext();
    },
    /** The engine is gone, and the next one may have another number of slots. */
    unsettle(): void {
      [slots, undecided] = [least, most - least];
    },
    /** Slots that requests have: all of them while any waits. */
    get busy(): number {
      return busy;
    },
    /** Requests in the queue. */
    get waiting(): number {
      return share.queued;
    },
    /**
     * Takes a slot for a request of this client; the function that is returned gives it back, once. Throws `ApiError` 429 where the queue
     * is full, also to a request that waits already and whose client has the most there, and the signal's reason.
     */
    async acquire(signal: AbortSignal, name: string): Promise<() => void> {
      signal.throwIfAborted();
      const client = share.get(name);
      if (busy < slots) return lendSlot(client);
      const release = await waitForSlot(signal, client);
      // The slot may come in the same moment as the abort: then the next request gets it.
      if (signal.aborted) release();
      signal.throwIfAborted();
      return release;
    },
    /**
     * Takes so many further slots for a request of this client, or as many of them as are free now; each of the functions that are returned
     * gives one back, once.
     */
    takeFree: (name: string, most: number): (() => void)[] =>
      Array.from({ length: Math.max(0, Math.min(most, slots - busy)) }, () => lendSlot(share.get(name))),
  };
}
