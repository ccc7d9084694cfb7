// Several iterations as one.

/** The items of all iterations as they come; of these so many run at a time. Leaving it leaves those that run, and begins no other. */
export async function* merge<Item>(iterations: readonly (() => AsyncGenerator<Item>)[], at_once: number): AsyncGenerator<Item> {
  const running = new Map<AsyncGenerator<Item>, Promise<{ from: AsyncGenerator<Item>; result: IteratorResult<Item> }>>();
  const advance = (from: AsyncGenerator<Item>): void =>
    void running.set(
      from,
      from.next().then((result) => ({ from, result })),
    );
  const waiting = [...iterations];
  try {
    for (;;) {
      while (running.size < at_once && waiting.length > 0) advance(waiting.shift()!());
      if (running.size === 0) return;
      const { from, result } = await Promise.race(running.values());
      if (result.done) running.delete(from);
      else {
        advance(from);
        yield result.value;
      }
    }
  } finally {
    for (const [from, next] of running) {
      next.catch(() => {});
      void from.return(undefined).catch(() => {});
    }
  }
}
