// Requests are sent side by side, but for one whose slots llama-server itself chooses: that is sent alone, so that nothing else comes between
// the choice and what is found out about it.

/** Both wait for their turn, and answer with what lets the next one in; calling that twice does no harm. */
export function createSendGate() {
  const side_by_side = new Set<Promise<void>>();
  /** Settles when nobody is alone, or about to be. */
  let last_alone: Promise<void> | undefined;

  return {
    async enter(): Promise<() => void> {
      while (last_alone !== undefined) await last_alone;
      const { promise, resolve } = Promise.withResolvers<void>();
      side_by_side.add(promise);
      return () => {
        side_by_side.delete(promise);
        resolve();
      };
    },
    async enterAlone(): Promise<() => void> {
      const before = last_alone;
      const { promise, resolve } = Promise.withResolvers<void>();
      last_alone = promise;
      await before;
      await Promise.all(side_by_side);
      return () => {
        if (last_alone === promise) last_alone = undefined;
        resolve();
      };
    },
  };
}
