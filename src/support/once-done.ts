/** Does it once, for all who ask; after a failure it is tried again when it is asked for anew. */
export function onceDone<T>(act: () => Promise<T>): () => Promise<T> {
  let doing: Promise<T> | undefined;
  return () =>
    (doing ??= act().catch((error) => {
      doing = undefined;
      throw error;
    }));
}
