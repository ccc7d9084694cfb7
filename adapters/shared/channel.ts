// From callbacks to an awaiting reader: what comes first waits in line, an error comes before what is still in line.

export interface Channel<T> {
  push(value: T): void;
  /** From now on `take` throws this; the first one counts. */
  fail(reason: unknown): void;
  take(): Promise<T>;
}

/** For one reader that awaits one `take` at a time. */
export function channel<T>(): Channel<T> {
  const line: T[] = [];
  let failure: { reason: unknown } | undefined;
  let waiting: PromiseWithResolvers<T> | undefined;
  return {
    push(value) {
      if (waiting === undefined) line.push(value);
      else waiting.resolve(value);
      waiting = undefined;
    },
    fail(reason) {
      failure ??= { reason };
      waiting?.reject(failure.reason);
      waiting = undefined;
    },
    async take() {
      if (failure !== undefined) throw failure.reason;
      if (line.length > 0) return line.shift()!;
      waiting = Promise.withResolvers<T>();
      return waiting.promise;
    },
  };
}
