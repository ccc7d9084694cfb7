// Records of one kind below one base of the storage: checked when read, durable when written, one writer at a time for each.
import type { Storage } from "unstorage";
import * as v from "valibot";
import { ApiError } from "../http/errors.ts";
import { quote } from "../support/quote.ts";
import { pageOf, type List, type PageQuery } from "../http/paging.ts";
import { DamagedError, DoubtError, isOfOneRecord, readFault, unavailable, writeFault } from "./faults.ts";
import type { IdIndex } from "./id-index.ts";
import type { RecordCache } from "./record-cache.ts";
import { textOf } from "./decode-text.ts";
import type { Turns } from "./keyed-rw-lock.ts";

/** Records are shared with a cache: make a new one instead of changing one. */
export interface Collection<T extends { id: string }> {
  /** A record, and all ids, where they are in memory: what can be answered without a wait. */
  known(id: string): T | undefined;
  knownIds(): readonly string[] | undefined;
  /** All ids, ascending: the oldest first where they are our own. */
  ids(): Promise<readonly string[]>;
  /** The last of them that is so. */
  lastId(is: (id: string) => boolean): Promise<string | undefined>;
  /** Undefined when there is none, whatever the string. Throws `ApiError` 500 `corrupted_entity` or `storage_error`, 503. */
  get(id: string): Promise<T | undefined>;
  /** Those that can be read, in the order of the ids; damaged ones are left out and logged. Throws what hides more than one record. */
  some(ids: readonly string[]): Promise<T[]>;
  /** Throws also 400 for an `after` or `before` that is none of the ids. */
  list(page: PageQuery): Promise<List<T>>;
  /** Writes a record, in place of one with the same id. Resolves when it is durable. Throws `ApiError` 507 `insufficient_storage`, 500, 503. */
  put(record: T): Promise<void>;
  /** Replaces a record by what `change` makes of it, or of `initial` where there is none, with nobody between. Undefined without either. */
  patch(id: string, change: (record: T) => T, initial?: T): Promise<T | undefined>;
  /** False when there was none. A damaged record goes too. */
  remove(id: string): Promise<boolean>;
  /** Removes every record of the base. */
  clear(): Promise<void>;
}

/** What the collections of a store share; `index` and `cache` may be taken away at any time. */
export interface Shared {
  storage: Storage;
  /** Absent where other processes write too: then every list asks the storage. */
  index?: IdIndex | undefined;
  /** Records by key; absent as the index is. */
  cache?: RecordCache | undefined;
  turns: Turns;
  /** Throws where this process may not write, or no longer. */
  mayWrite(): void;
  /** A record that cannot be read was met. */
  onDamaged(key: string, error: ApiError): void;
  /** Removes all below a base at once, where the driver can. */
  clear?: ((base: string) => Promise<void>) | undefined;
}

export interface Kind<T> {
  /** As a sentence names it: `thread`. */
  name: string;
  schema: v.GenericSchema<unknown, T>;
  /** The id as a safe part of a key; undefined for a string that is no id of this kind. Reversed by `toId`. */
  toKey(id: string): string | undefined;
  toId(key: string): string | undefined;
}

const READS_AT_ONCE = 32;

export function collection<T extends { id: string }>(shared: Shared, base: string, kind: Kind<T>): Collection<T> {
  const { storage, turns } = shared;
  const keyOf = (id: string): string | undefined => {
    const name = kind.toKey(id);
    return name === undefined ? undefined : `${base}:${name}`;
  };
  const label = (id: string): string => `${kind.name} ${quote(id)}`;

  const read = async (key: string, id: string): Promise<T | undefined> => {
    const cached = shared.cache?.get(key);
    if (cached !== undefined) return cached as T;
    const keep = shared.cache?.reading(key);
    try {
      const raw: unknown = await storage.getItemRaw(key);
      // Some drivers answer with what went wrong instead of throwing it.
      if (raw instanceof Error) throw raw;
      if (raw === null || raw === undefined) return undefined;
      const text = stored(raw);
      const record = checkedRecord(kind.schema, text, id);
      keep?.(record, text.length);
      return record;
    } catch (error) {
      const fault = readFault(label(id), error);
      if (isOfOneRecord(error)) shared.onDamaged(key, fault);
      throw fault;
    }
  };

  const write = async (key: string, record: T): Promise<void> => {
    shared.mayWrite();
    const text = written(record);
    try {
      await storage.setItemRaw(key, text);
    } catch (error) {
      // Old or new, the disk knows.
      shared.cache?.delete(key);
      shared.index?.forget(base);
      throw writeFault(label(record.id), error);
    }
    shared.cache?.set(key, record, text.length);
    await shared.index?.add(base, record.id);
  };

  const load = async (): Promise<string[]> => {
    const keys = await storage.getKeys(base);
    const prefix = `${base}:`;
    const ids = keys.flatMap((key) => (key.startsWith(prefix) ? (kind.toId(key.slice(prefix.length)) ?? []) : []));
    // A scan of Redis may name a key twice.
    return [...new Set(ids)];
  };

  const records: Collection<T> = {
    known(id) {
      const key = keyOf(id);
      return key === undefined ? undefined : (shared.cache?.get(key) as T | undefined);
    },
    knownIds: () => shared.index?.known(base),
    ids() {
      const known = records.knownIds();
      return known === undefined ? readIds() : Promise.resolve(known);
    },
    // Asked before each new record: a list that is given out would be copied each time.
    lastId: async (is) => (shared.index?.peek(base) ?? (await readIds())).findLast(is),
    async get(id) {
      const key = keyOf(id);
      return key === undefined ? undefined : read(key, id);
    },
    async some(ids) {
      const found: T[] = [];
      for (let at = 0; at < ids.length; at += READS_AT_ONCE) {
        const batch = await Promise.all(ids.slice(at, at + READS_AT_ONCE).map(readable));
        for (const record of batch) if (record !== undefined) found.push(record);
      }
      return found;
    },
    async list(page) {
      return pageOf(await records.ids(), page, records.some);
    },
    async put(record) {
      const key = keyOf(record.id);
      if (key === undefined) throw new RangeError(`${label(record.id)}: the id cannot be stored.`);
      await turns.alone(key, () => write(key, record));
    },
    async patch(id, change, initial) {
      const key = keyOf(id);
      if (key === undefined) return undefined;
      return turns.alone(key, async () => {
        const old = (await read(key, id)) ?? initial;
        if (old === undefined) return undefined;
        const changed = change(old);
        if (changed !== old) await write(key, changed);
        return changed;
      });
    },
    async remove(id) {
      const key = keyOf(id);
      if (key === undefined) return false;
      return turns.alone(key, async () => {
        shared.mayWrite();
        try {
          if (!(await storage.hasItem(key))) return false;
          await storage.removeItem(key);
          if (await storage.hasItem(key).catch(inDoubt)) throw new Error("The storage did not remove it.");
        } catch (error) {
          shared.index?.forget(base);
          throw writeFault(label(id), error);
        } finally {
          shared.cache?.delete(key);
        }
        await shared.index?.remove(base, id);
        return true;
      });
    },
    async clear() {
      shared.mayWrite();
      try {
        const ids = await records.ids();
        if (shared.clear !== undefined) await shared.clear(base);
        else await inBatches(ids, (id) => storage.removeItem(keyOf(id)!));
        for (const id of ids) shared.cache?.delete(keyOf(id)!);
      } catch (error) {
        throw writeFault(`all of ${base}`, error);
      } finally {
        shared.index?.forget(base);
      }
    },
  };
  return records;

  async function readIds(): Promise<readonly string[]> {
    try {
      return shared.index === undefined ? (await load()).sort() : await shared.index.ids(base, load);
    } catch (error) {
      throw listFault(kind.name, error);
    }
  }

  async function readable(id: string): Promise<T | undefined> {
    try {
      return await records.get(id);
    } catch (error) {
      if (isOfOneRecord((error as Error).cause)) return undefined;
      throw error;
    }
  }
}

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += READS_AT_ONCE) await Promise.all(items.slice(at, at + READS_AT_ONCE).map(work));
}

function inDoubt(cause: unknown): never {
  throw new DoubtError("Whether it is removed cannot be seen.", { cause });
}

const LARGEST_READABLE = 2 ** 16;

/** For people too, unless it is large: many small things, deep inside, would take far more room for their indents than for themselves. */
function written(record: unknown): string {
  const text = JSON.stringify(record);
  return `${text.length > LARGEST_READABLE ? text : JSON.stringify(record, null, 2)}\n`;
}

function stored(raw: unknown): string {
  if (typeof raw === "string") return raw;
  if (raw instanceof Uint8Array || raw instanceof ArrayBuffer) return textOf(raw);
  // A driver that parses what it reads, such as one for a document database.
  return JSON.stringify(raw);
}

/** The record that a text holds. Throws `DamagedError` where it is none of its kind, or has another id. */
export function checkedRecord<T extends { id: string }>(schema: v.GenericSchema<unknown, T>, text: string, id: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DamagedError("It is not JSON.", { cause: error });
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (!result.success) {
    throw new DamagedError(`${v.getDotPath(result.issues[0]) ?? "It"}: ${result.issues[0].message}`);
  }
  if (result.output.id !== id) throw new DamagedError(`It holds the id ${quote(result.output.id)}.`);
  // Valibot leaves out some names, such as `constructor`; what is meant to keep everything keeps these too.
  return schema.type === "loose_object" ? (value as T) : result.output;
}

function listFault(name: string, error: unknown): ApiError {
  const { code, status } = readFault(name, error);
  if (status === 503) return unavailable(`The ${name}s cannot be listed now.`, error);
  return new ApiError(500, `The ${name}s cannot be listed: the disk or its permissions are at fault.`, { code, cause: error });
}
