// Written bytes reach the disk while more are written, so that the last sync does not wait for gigabytes.

/**
 * Syncs that run beside the writing, one at a time. An error of one is thrown by every later call: the system reports a failed
 * fsync once and calls the next one good (https://wiki.postgresql.org/wiki/Fsync_Errors).
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
