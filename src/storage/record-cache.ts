// Records as they were last read or written, so that reading one again costs no look at the disk. Only where nobody else writes.
import { LRUCache } from "lru-cache";

type Record = { id: string };

export interface RecordCache {
  get(key: string): Record | undefined;
  /** `characters` of its text, as a measure of what it takes. */
  set(key: string, record: Record, characters: number): void;
  delete(key: string): void;
  /** To be called before a read: the answer keeps what was read, unless the record has changed since. */
  reading(key: string): (record: Record, characters: number) => void;
}

/** Characters of text; as objects they take two or three times as many bytes. */
const MOST_CHARACTERS = 16 * 2 ** 20;

export function createRecordCache(): RecordCache {
  const records = new LRUCache<string, Record>({ maxSize: MOST_CHARACTERS });
  /** Of any record: a read that saw one go by is simply not kept. */
  let changes = 0;
  const set = (key: string, record: Record, characters: number) => {
    records.set(key, record, { size: characters + 64 });
  };
  return {
    get: (key) => records.get(key),
    set(key, record, characters) {
      changes++;
      set(key, record, characters);
    },
    delete(key) {
      changes++;
      records.delete(key);
    },
    reading(key) {
      const before = changes;
      return (record, characters) => {
        if (changes === before) set(key, record, characters);
      };
    },
  };
}
