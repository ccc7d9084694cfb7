// Records of one kind below one base of the storage: checked when read, durable when written, one writer a record at a time.
import type { Storage } from "unstorage";
import * as v from "valibot";
import { ApiError } from "../http/errors.ts";
import { isObject } from "../support/json.ts";
import { quote } from "../support/quote.ts";
import { readPage, type List, type PageQuery } from "../http/paging.ts";
import { DamagedError, UncertainWriteError, isRecordFault, readFault, unavailable, writeFault } from "./faults.ts";
import type { IdIndex } from "./id-index.ts";
import type { RecordCache } from "./record-cache.ts";
import { decodeText } from "./decode-text.ts";
import type { KeyedRwLock } from "./keyed-rw-lock.ts";

/** Records are shared with a cache: make a new one instead of changing one. */
export interface Collection<T extends { id: string }> {
  /** A record, or all ids, where they are in memory: can be answered without a promise. */
  getCached(id: string): T | undefined;
  getCachedIds(): readonly string[] | undefined;
  /** All ids, ascending: the oldest first where they are our own. */
  ids(): Promise<readonly string[]>;
  /** The highest id that `is` accepts. */
  findLastId(is: (id: string) => boolean): Promise<string | undefined>;
  /** Undefined when there is none, whatever the string. Throws `ApiError` 500 `corrupted_entity` or `storage_error`, 503. */
  get(id: string): Promise<T | undefined>;
  /** The readable ones of these records, in the order of the ids; damaged ones are left out and logged. Throws what hides more than one. */
  getMany(ids: readonly string[]): Promise<T[]>;
  /** Throws also 400 for an `after` or `before` that is none of the ids. */
  list(page: PageQuery): Promise<List<T>>;
  /** Writes a record, in place of one with the same id. Resolves when it is durable. Throws `ApiError` 507 `insufficient_storage`, 500, 503. */
  put(record: T): Promise<void>;
  /** Replaces a record by what `change` makes of it, or of `initial` where there is none, with no other write between. Undefined without either. */
  patch(id: string, change: (record: T) => T, initial?: T): Promise<T | undefined>;
  /** False when there was none. A damaged record goes too. */
  remove(id: string): Promise<boolean>;
  /** Removes every record of the base. */
  clear(): Promise<void>;
}

/** What all collections of a store use; `index` and `cache` may be taken away at any time. */
export interface CollectionContext {
  storage: Storage;
  /** Absent where other processes write too: then every list asks the storage. */
  index?: IdIndex | undefined;
  /** Records by key; absent as the index is. */
  cache?: RecordCache | undefined;
  locks: KeyedRwLock;
  /** Throws where this process may not write, or no longer. */
  assertWritable(): void;
  /** A record that cannot be read was met. */
  onDamaged(key: string, error: ApiError): void;
  /** Removes all below a base at once, where the driver can. */
  clear?: ((base: string) => Promise<void>) | undefined;
}

export interface RecordKind<T> {
  /** As a sentence names it: `thread`. */
  name: string;
  schema: v.GenericSchema<unknown, T>;
  /** The id as a safe part of a key; undefined for a string that is not an id of this kind. Reversed by `toId`. */
  toKey(id: string): string | undefined;
  toId(key: string): string | undefined;
  /** Whether only the record under a key says its id. Absent where none is so. */
  isHashedKey?(key: string): boolean;
}

const CALLS_AT_ONCE = 32;

export function createCollection<T extends { id: string }>(
  context: CollectionContext,
  base: string,
  kind: RecordKind<T>,
): Collection<T> {
  const { storage, locks } = context;
  const keyOf = (id: string): string | undefined => {
    const name = kind.toKey(id);
    return name === undefined ? undefined : `${base}:${name}`;
  };
  const label = (id: string): string => `${kind.name} ${quote(id)}`;

  const read = async (key: string, id: string): Promise<T | undefined> => {
    const cached = context.cache?.get(key);
    if (cached !== undefined) return cached as T;
    const keep = context.cache?.startRead(key);
    try {
      const raw: unknown = await storage.getItemRaw(key);
      // `fs` and other drivers resolve with an I/O error instead of throwing it.
      if (raw instanceof Error) throw raw;
      if (raw === null || raw === undefined) return undefined;
      const text = decodeStored(raw);
      const record = parseRecord(kind.schema, text, id);
      keep?.(record, text.length);
      return record;
    } catch (error) {
      const fault = readFault(label(id), error);
      if (isRecordFault(error)) context.onDamaged(key, fault);
      throw fault;
    }
  };

  const write = async (key: string, record: T): Promise<void> => {
    context.assertWritable();
    const text = serialize(record);
    try {
      await storage.setItemRaw(key, text);
    } catch (error) {
      // The write may have reached the disk: drop the cached copy, so that the next read decides.
      context.cache?.delete(key);
      context.index?.forget(base);
      throw writeFault(label(record.id), error);
    }
    context.cache?.set(key, record, text.length);
    await context.index?.add(base, record.id);
  };

  const load = async (): Promise<string[]> => {
    const keys = await storage.getKeys(base);
    const prefix = `${base}:`;
    const names = keys.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    const hashed = names.filter((name) => kind.isHashedKey?.(name));
    const ids = [...names.map(kind.toId), ...(await inBatches(hashed, idInRecord))];
    // A scan of Redis may name a key twice.
    return [...new Set(ids.filter((id) => id !== undefined))];
  };

  /** The id that the record under a hashed key holds; undefined where it cannot be read, or is that of another key. */
  const idInRecord = async (name: string): Promise<string | undefined> => {
    const key = `${base}:${name}`;
    try {
      const raw: unknown = await storage.getItemRaw(key);
      if (raw instanceof Error) throw raw;
      return raw === null || raw === undefined ? undefined : idInText(kind, name, decodeStored(raw));
    } catch (error) {
      if (!isRecordFault(error)) throw error;
      context.onDamaged(key, readFault(`${kind.name} of the key ${quote(name)}`, error));
      return undefined;
    }
  };

  const records: Collection<T> = {
    getCached(id) {
      const key = keyOf(id);
      return key === undefined ? undefined : (context.cache?.get(key) as T | undefined);
    },
    getCachedIds: () => context.index?.cached(base),
    ids() {
      const known = records.getCachedIds();
      return known === undefined ? readIds() : Promise.resolve(known);
    },
    // `peek`, not `ids`: this runs before each new record, and a list that is handed out is copied at the next change.
    findLastId: async (is) => (context.index?.peek(base) ?? (await readIds())).findLast(is),
    async get(id) {
      const key = keyOf(id);
      return key === undefined ? undefined : read(key, id);
    },
    async getMany(ids) {
      return (await inBatches(ids, getReadable)).filter((record) => record !== undefined);
    },
    async list(page) {
      return readPage(await records.ids(), page, records.getMany);
    },
    async put(record) {
      const key = keyOf(record.id);
      if (key === undefined) throw new RangeError(`${label(record.id)}: the id cannot be stored.`);
      await locks.exclusive(key, () => write(key, record));
    },
    async patch(id, change, initial) {
      const key = keyOf(id);
      if (key === undefined) return undefined;
      return locks.exclusive(key, async () => {
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
      return locks.exclusive(key, async () => {
        context.assertWritable();
        try {
          if (!(await storage.hasItem(key))) return false;
          await storage.removeItem(key);
          if (await storage.hasItem(key).catch(throwUncertain)) throw new Error("The storage did not remove it.");
        } catch (error) {
          context.index?.forget(base);
          throw writeFault(label(id), error);
        } finally {
          context.cache?.delete(key);
        }
        await context.index?.remove(base, id);
        return true;
      });
    },
    async clear() {
      context.assertWritable();
      try {
        const ids = await records.ids();
        if (context.clear !== undefined) await context.clear(base);
        else await inBatches(ids, (id) => storage.removeItem(keyOf(id)!));
        for (const id of ids) context.cache?.delete(keyOf(id)!);
      } catch (error) {
        throw writeFault(`all of ${base}`, error);
      } finally {
        context.index?.forget(base);
      }
    },
  };
  return records;

  async function readIds(): Promise<readonly string[]> {
    try {
      return context.index === undefined ? (await load()).sort() : await context.index.ids(base, load);
    } catch (error) {
      throw listFault(kind.name, error);
    }
  }

  async function getReadable(id: string): Promise<T | undefined> {
    try {
      return await records.get(id);
    } catch (error) {
      if (isRecordFault((error as Error).cause)) return undefined;
      throw error;
    }
  }
}

/** What `work` answers for each item, in their order. */
export async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += CALLS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + CALLS_AT_ONCE).map(work))));
  }
  return results;
}

function throwUncertain(cause: unknown): never {
  throw new UncertainWriteError("Whether it is removed cannot be seen.", { cause });
}

const LARGEST_INDENTED = 2 ** 16;

/** Indented for people, unless it is large: indents of deep values can take more room than the values. */
export function serialize(record: unknown): string {
  const text = JSON.stringify(record);
  return `${text.length > LARGEST_INDENTED ? text : JSON.stringify(record, null, 2)}\n`;
}

function decodeStored(raw: unknown): string {
  if (typeof raw === "string") return raw;
  if (raw instanceof Uint8Array || raw instanceof ArrayBuffer) return decodeText(raw);
  // A driver for a document database parses what it reads.
  return JSON.stringify(raw);
}

/** The id in the text of a record under a hashed key. Throws `DamagedError` for a text without the id of this key. */
export function idInText(kind: Pick<RecordKind<unknown>, "toKey">, name: string, text: string): string {
  const value = parseJson(text);
  const id = isObject(value) ? value.id : undefined;
  if (typeof id === "string" && kind.toKey(id) === name) return id;
  throw new DamagedError("It does not hold the id of its key.");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DamagedError("It is not JSON.", { cause: error });
  }
}

/** The record that a text holds. Throws `DamagedError` for a text that is not a record of this schema, or of another id. */
export function parseRecord<T extends { id: string }>(schema: v.GenericSchema<unknown, T>, text: string, id: string): T {
  const value = parseJson(text);
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (!result.success) {
    throw new DamagedError(`${v.getDotPath(result.issues[0]) ?? "It"}: ${result.issues[0].message}`);
  }
  if (result.output.id !== id) throw new DamagedError(`It holds the id ${quote(result.output.id)}.`);
  // Valibot leaves out some names, such as `constructor`: a loose object keeps them too.
  return schema.type === "loose_object" ? (value as T) : result.output;
}

function listFault(name: string, error: unknown): ApiError {
  const { code, status } = readFault(name, error);
  if (status === 503) return unavailable(`The ${name}s cannot be listed now.`, error);
  return new ApiError(500, `The ${name}s cannot be listed: the disk or its permissions are at fault.`, { code, cause: error });
}
