// Bytes that have come over a connection and were not read yet.

/** Two buffers of `size` bytes alternate: one is filled while the other is read. */
export function createReceiveBuffer(size: number) {
  let [filling, spare] = [new Uint8Array(size), new Uint8Array(size)];
  let count = 0;
  let ended: { error: Error | undefined } | undefined;
  let wake = (): void => {};

  return {
    /** Gives the number of bytes that wait now. */
    append(bytes: Uint8Array): number {
      if (count + bytes.length > filling.length) {
        const larger = new Uint8Array(2 * (count + bytes.length));
        larger.set(filling.subarray(0, count));
        filling = larger;
      }
      filling.set(bytes, count);
      count += bytes.length;
      wake();
      return count;
    },
    /** Nothing more comes. An error is thrown once what there is has been read. */
    end(error?: Error): void {
      ended ??= { error };
      wake();
    },
    /** Drops what waits, for the next response. */
    clear(): void {
      [count, ended] = [0, undefined];
    },
    /** All bytes that wait, undefined at the end. They stay as they are until the next call. */
    async take(): Promise<Uint8Array | undefined> {
      while (count === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      if (count === 0 && ended?.error) throw ended.error;
      if (count === 0) return undefined;
      const taken = filling.subarray(0, count);
      [filling, spare, count] = [spare, filling, 0];
      return taken;
    },
  };
}
