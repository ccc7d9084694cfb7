// Work on the weights beside the generations: vectors and scores of texts, which are computed between two steps of the batch. While generations
// run, the work gets a share of the time, so that they keep most of their rate.

export type SideWork = ReturnType<typeof createSideWork>;

/** The part of a step's time that runs behind it: generations keep three quarters of their rate. */
const SHARE = 1 / 3;

/** `wake` is called where work has come: whoever owns the native calls has it done. */
export function createSideWork(wake: () => void, now: () => number = () => performance.now()) {
  const jobs: { work: () => Promise<void>; fail: (reason: unknown) => void }[] = [];
  /** Milliseconds that the work may take, negative where it has taken more. */
  let credit = 0;

  const next = async (): Promise<void> => jobs.shift()?.work();

  return {
    /** Resolves with what `work` does, once its turn has come: each caller's in their order. */
    run<T>(work: () => Promise<T>): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      jobs.push({ work: () => work().then(resolve, reject), fail: reject });
      wake();
      return promise;
    },
    isPending: (): boolean => jobs.length > 0,
    /** Does what has waited longest. Never rejects. */
    next,
    /** Does as much as a step of so many milliseconds leaves time for. Never rejects. */
    async afterStep(ms: number): Promise<void> {
      if (jobs.length === 0) {
        credit = 0;
        return;
      }
      credit += ms * SHARE;
      while (credit > 0 && jobs.length > 0) {
        const started = now();
        await next();
        credit -= now() - started;
      }
    },
    /** Fails what waits. */
    close(reason: unknown): void {
      for (const { fail } of jobs.splice(0)) fail(reason);
    },
  };
}
