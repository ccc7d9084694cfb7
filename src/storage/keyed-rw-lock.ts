// Who may touch an entity at a time: one alone, or several together. First come, first served.

export interface Turns {
  /** Runs `work` when everybody before has ended, and nobody beside it. */
  alone<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Runs `work` when those before who wanted to be alone have ended, beside others that came together. */
  together<T>(key: string, work: () => Promise<T>): Promise<T>;
}

interface Line {
  /** Settles when the last one who wanted to be alone has ended. */
  alone: Promise<unknown>;
  /** Those who came together after that one. */
  together: Set<Promise<unknown>>;
  pending: number;
}

export function createTurns(): Turns {
  const lines = new Map<string, Line>();

  const join = async <T>(key: string, queue: (line: Line) => [Promise<T>, () => void]): Promise<T> => {
    const line = lines.get(key) ?? { alone: Promise.resolve(), together: new Set(), pending: 0 };
    lines.set(key, line);
    line.pending++;
    const [run, leave] = queue(line);
    try {
      return await run;
    } finally {
      leave();
      if (--line.pending === 0) lines.delete(key);
    }
  };

  return {
    alone: (key, work) =>
      join(key, (line) => {
        const run = Promise.all([line.alone, ...line.together]).then(work);
        line.alone = run.catch(() => {});
        line.together = new Set();
        return [run, () => {}];
      }),
    together: (key, work) =>
      join(key, (line) => {
        const run = line.alone.then(work);
        const ended = run.catch(() => {});
        const { together } = line;
        together.add(ended);
        return [run, () => void together.delete(ended)];
      }),
  };
}
