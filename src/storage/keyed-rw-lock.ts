// A lock for each key, exclusive or shared, in the order in which it is asked for: one change of a record at a time.

interface KeyQueue {
  /** Settles when the last exclusive one has ended. */
  exclusive: Promise<unknown>;
  /** The shared ones after it. */
  shared: Set<Promise<unknown>>;
  pending: number;
}

export type KeyedRwLock = ReturnType<typeof createKeyedRwLock>;

export function createKeyedRwLock() {
  const queues = new Map<string, KeyQueue>();

  const join = async <T>(key: string, enqueue: (queue: KeyQueue) => [Promise<T>, () => void]): Promise<T> => {
    const queue = queues.get(key) ?? { exclusive: Promise.resolve(), shared: new Set(), pending: 0 };
    queues.set(key, queue);
    queue.pending++;
    const [run, leave] = enqueue(queue);
    try {
      return await run;
    } finally {
      leave();
      if (--queue.pending === 0) queues.delete(key);
    }
  };

  return {
    /** Runs `work` when all before it have ended, and none beside it. */
    exclusive: <T>(key: string, work: () => Promise<T>): Promise<T> =>
      join(key, (queue) => {
        const run = Promise.all([queue.exclusive, ...queue.shared]).then(work);
        queue.exclusive = run.catch(() => {});
        queue.shared = new Set();
        return [run, () => {}];
      }),
    /** Runs `work` when the exclusive ones before it have ended, beside other shared ones. */
    shared: <T>(key: string, work: () => Promise<T>): Promise<T> =>
      join(key, (queue) => {
        const run = queue.exclusive.then(work);
        const ended = run.catch(() => {});
        const { shared } = queue;
        shared.add(ended);
        return [run, () => void shared.delete(ended)];
      }),
  };
}
