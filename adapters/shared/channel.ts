// Hands values from callbacks to an awaiting reader: values in their order, an error before the values that are still queued. Unlike a
// `ReadableStream`, a channel ignores values after an error: a token may come while an abort is on its way.

export interface Channel<T> {
  push(value: T): void;
  /** From now on `take` throws this; the first failure counts. */
  fail(reason: unknown): void;
  take(): Promise<T>;
}

/** For one reader that awaits one `take` at a time. */
export function channel<T>(): Channel<T> {
  const queue: T[] = [];
  let failure: { reason: unknown } | undefined;
  let reader: PromiseWithResolvers<T> | undefined;
  return {
    push(value) {
      if (reader === undefined) queue.push(value);
      else reader.resolve(value);
      reader = undefined;
    },
    fail(reason) {
      failure ??= { reason };
      reader?.reject(failure.reason);
      reader = undefined;
    },
    take() {
      if (failure !== undefined) return Promise.reject(failure.reason);
      if (queue.length > 0) return Promise.resolve(queue.shift()!);
      reader = Promise.withResolvers<T>();
      return reader.promise;
    },
  };
}
