// Bytes that have come over a connection and were not read yet.

export interface ReceiveBuffer {
  /** Answers with how many bytes wait now. */
  append(bytes: Uint8Array): number;
  /** Nothing more comes; with an error, whoever has read what there is gets it. */
  end(error?: Error): void;
  /** Throws away what is there, and begins anew. */
  clear(): void;
  /** All that wait, undefined at the end. They are overwritten after the next call. */
  take(): Promise<Uint8Array | undefined>;
}

/** Two buffers of `size` bytes take turns: one is filled while the other is read. */
export function createReceiveBuffer(size: number): ReceiveBuffer {
  let [filling, spare] = [new Uint8Array(size), new Uint8Array(size)];
  let count = 0;
  let ended: { error: Error | undefined } | undefined;
  let wake = (): void => {};

  return {
    append(bytes) {
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
    end(error) {
      ended ??= { error };
      wake();
    },
    clear() {
      [count, ended] = [0, undefined];
    },
    async take() {
      while (count === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      if (count === 0 && ended?.error) throw ended.error;
      if (count === 0) return undefined;
      const taken = filling.subarray(0, count);
      [filling, spare, count] = [spare, filling, 0];
      return taken;
    },
  };
}
