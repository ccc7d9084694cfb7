// How many downloads run at a time: the others wait for a place, in their order.

export type DownloadPlaces = ReturnType<typeof createDownloadPlaces>;

interface Waiter {
  order: number;
  resolve(): void;
}

export function createDownloadPlaces(most: number) {
  let taken = 0;
  /** Ascending by their order. */
  const waiting: Waiter[] = [];

  return {
    /** Whether anybody waits for a place. */
    get wanted(): boolean {
      return waiting.length > 0;
    },
    /** Takes a place where one is free. */
    tryTake(): boolean {
      if (taken >= most) return false;
      taken++;
      return true;
    },
    /** Resolves with the next place that is given back; of those who wait the lowest order is next. Throws the signal's reason. */
    async wait(order: number, signal: AbortSignal): Promise<void> {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiter: Waiter = { order, resolve: () => (signal.removeEventListener("abort", onAbort), resolve()) };
      const at = waiting.findIndex((other) => other.order > order);
      waiting.splice(at === -1 ? waiting.length : at, 0, waiter);
      const onAbort = (): void => {
        waiting.splice(waiting.indexOf(waiter), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      await promise;
    },
    giveBack(): void {
      const next = waiting.shift();
      if (next === undefined) taken--;
      else next.resolve();
    },
  };
}
