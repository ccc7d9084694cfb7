// What is written gets to the disk while more is written: the last sync is not to wait for gigabytes.

/**
 * Syncs that run beside the writing, one at a time. What one of them threw, every later call throws: the system tells of a failed
 * sync once and calls the next one good.
 */
export function createBackgroundSync(sync: () => Promise<void>): { start(): Promise<void>; end(): Promise<void> } {
  let running: Promise<void> = Promise.resolve();
  return {
    async start() {
      await running;
      running = sync();
      running.catch(() => {});
    },
    end: () => running,
  };
}
