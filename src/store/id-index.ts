// The ids below each base, in memory: a page is cut from them without a look at the disk. Only where nobody else writes.
import { LRUCache } from "lru-cache";

export interface IdIndex {
  /** Ascending. `load` reads them, in any order, at the first call; kept up to date since. A list given out stays as it is. */
  ids(base: string, load: () => Promise<string[]>): Promise<readonly string[]>;
  /** The same where they were read already, without a wait. */
  known(base: string): readonly string[] | undefined;
  /** To be called when a record was written, or removed. Resolves when the index knows it. */
  add(base: string, id: string): Promise<void>;
  remove(base: string, id: string): Promise<void>;
  /** The disk may hold something else than the index says: the next call reads again. */
  forget(base: string): void;
}

/** Ids of all bases together, at about 60 bytes each; the bases unused for longest are forgotten first. */
const MOST_IDS = 1_000_000;

export function createIdIndex(): IdIndex {
  const loading = new Map<string, Promise<string[]>>();
  const loaded = new LRUCache<string, string[]>({ maxSize: MOST_IDS, sizeCalculation: (ids) => ids.length + 16 });

  /** Does nothing where nobody has asked yet: then a later load sees what is on the disk. */
  const change = async (base: string, id: string, by: (ids: string[], at: number) => string[]): Promise<void> => {
    await loading.get(base)?.catch(() => {});
    const ids = loaded.get(base);
    // A new list: whoever pages through the old one would miss an id, or meet one twice.
    if (ids !== undefined) loaded.set(base, by(ids, place(ids, id)));
  };

  return {
    known: (base) => loaded.get(base),
    async ids(base, load) {
      const ids = loaded.get(base);
      if (ids !== undefined) return ids;
      const running = loading.get(base);
      if (running !== undefined) return running;
      const reading: Promise<string[]> = load()
        .then((ids) => {
          ids.sort();
          // Forgotten meanwhile: what was read may be old.
          if (loading.get(base) === reading) loaded.set(base, ids);
          return ids;
        })
        .finally(() => {
          if (loading.get(base) === reading) loading.delete(base);
        });
      loading.set(base, reading);
      return reading;
    },
    add: (base, id) => change(base, id, (ids, at) => (ids[at] === id ? ids : ids.toSpliced(at, 0, id))),
    remove: (base, id) => change(base, id, (ids, at) => (ids[at] === id ? ids.toSpliced(at, 1) : ids)),
    forget(base) {
      loaded.delete(base);
      loading.delete(base);
    },
  };
}

/** Where the id stands in the ascending list, or belongs. */
function place(ids: string[], id: string): number {
  if (ids.length === 0 || ids.at(-1)! < id) return ids.length;
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
