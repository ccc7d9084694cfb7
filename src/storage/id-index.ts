// The ids below each base, in memory: a page is cut from them without reading the disk. Only where no other process writes.
import { LRUCache } from "lru-cache";

/** Ids of all bases together, at about 60 bytes each; the bases unused for longest are forgotten first. */
const MOST_IDS = 1_000_000;

interface IdList {
  readonly list: string[];
  /** The list was handed out: it is copied before the next change. */
  handed_out: boolean;
}

export type IdIndex = ReturnType<typeof createIdIndex>;

export function createIdIndex() {
  const loading = new Map<string, Promise<string[]>>();
  const loaded = new LRUCache<string, IdList>({ maxSize: MOST_IDS, sizeCalculation: ({ list }) => list.length + 16 });

  /** The ids where they were read already. */
  const cached = (base: string): readonly string[] | undefined => {
    const ids = loaded.get(base);
    if (ids !== undefined) ids.handed_out = true;
    return ids?.list;
  };

  /** Does nothing where the ids were never read: a later load sees what is on the disk. */
  const change = async (base: string, id: string, to: "there" | "gone"): Promise<void> => {
    await loading.get(base)?.catch(() => {});
    const ids = loaded.get(base);
    if (ids === undefined) return;
    const at = insertionPoint(ids.list, id);
    if ((ids.list[at] === id) === (to === "there")) return;
    const edit: [number, number, ...string[]] = to === "there" ? [at, 0, id] : [at, 1];
    // A caller that pages through a list would miss an id, or meet one twice: a list that was handed out stays as it is.
    const list = ids.handed_out ? ids.list.toSpliced(...edit) : ids.list;
    if (!ids.handed_out) list.splice(...edit);
    // Another object in any case: the cache would not count the same one anew.
    loaded.set(base, { list, handed_out: false });
  };

  return {
    cached,
    /** The same for use at once: the list changes with the next record. */
    peek: (base: string): readonly string[] | undefined => loaded.get(base)?.list,
    /** Ascending. `load` reads them, in any order, at the first call; kept up to date since. A list given out stays as it is. */
    async ids(base: string, load: () => Promise<string[]>): Promise<readonly string[]> {
      const ids = cached(base);
      if (ids !== undefined) return ids;
      const running = loading.get(base);
      if (running !== undefined) return running;
      const reading: Promise<string[]> = load()
        .then((ids) => {
          ids.sort();
          // Where the base was forgotten meanwhile, what was read may be old.
          if (loading.get(base) === reading) loaded.set(base, { list: ids, handed_out: true });
          return ids;
        })
        .finally(() => {
          if (loading.get(base) === reading) loading.delete(base);
        });
      loading.set(base, reading);
      return reading;
    },
    /** To be called when a record was written, or removed. Resolves when the index knows it. */
    add: (base: string, id: string) => change(base, id, "there"),
    remove: (base: string, id: string) => change(base, id, "gone"),
    /** The disk may hold something else than the index says: the next call reads again. */
    forget(base: string): void {
      loaded.delete(base);
      loading.delete(base);
    },
  };
}

/** Where the id stands in the ascending list, or belongs. */
function insertionPoint(ids: string[], id: string): number {
  if (ids.length === 0 || ids.at(-1)! < id) return ids.length;
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
