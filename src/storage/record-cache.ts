// Records as they were last read or written, so that reading one again does not touch the disk. Only where no other process writes.
import { LRUCache } from "lru-cache";

/** Characters of text; as objects they take two or three times as many bytes. */
const MOST_CHARACTERS = 16 * 2 ** 20;

type CachedRecord = { id: string };
export type RecordCache = ReturnType<typeof createRecordCache>;

export function createRecordCache() {
  const records = new LRUCache<string, CachedRecord>({ maxSize: MOST_CHARACTERS });
  /** Changes of any record: a read during which one happened is not kept. */
  let changes = 0;
  const set = (key: string, record: CachedRecord, characters: number) => {
    records.set(key, record, { size: characters + 64 });
  };
  return {
    get: (key: string) => records.get(key),
    /** `characters` of its text, as a measure of what it takes. */
    set(key: string, record: CachedRecord, characters: number): void {
      changes++;
      set(key, record, characters);
    },
    delete(key: string): void {
      changes++;
      records.delete(key);
    },
    /** To be called before a read: the answer caches what was read, unless a record has changed since. */
    startRead(key: string) {
      const before = changes;
      return (record: CachedRecord, characters: number): void => {
        if (changes === before) set(key, record, characters);
      };
    },
  };
}
