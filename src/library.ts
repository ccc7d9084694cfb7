// The models in a data folder: one readable record each, and the weights that ingle fetched for them.
import { lstat, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { catalog } from "../models/catalog.ts";
import { download } from "../models/download.ts";
import { type InstalledModel, Model, type ModelFile } from "../models/model.ts";
import { syncFolder } from "../models/part.ts";
import type { DownloadOptions, Progress } from "../models/sources.ts";
import { ApiError, shown } from "./errors.ts";
import { busy, damaged, missing, resized, unknown } from "./library-errors.ts";
import { decodeKey, encodeKey } from "./store/key.ts";
import { takeLock } from "./store/pull-lock.ts";
import { readRecord, writeRecord } from "./store/record-file.ts";

const READS_AT_ONCE = 32;

export interface LibraryOptions {
  /** Called by `list` for each record that cannot be read, with its error. */
  onDamaged?: (id: string, error: ApiError) => void;
  /** Seconds since 1970. */
  now?: () => number;
}

export interface Library {
  /** All readable records, sorted by id. */
  list(): Promise<Model[]>;
  /** Undefined when there is none. Throws `ApiError` 500 `corrupted_entity`. */
  get(id: string): Promise<Model | undefined>;
  /** Writes a record, in place of one with the same id. Throws `RangeError` for an id too long to be a file name. */
  add(model: Model): Promise<void>;
  /** Removes the record, even a damaged one, then fetched weights and partial downloads; files used in place stay. False when there was nothing. */
  remove(id: string): Promise<boolean>;
  /** Where the weights are. Throws `ApiError` 500 `model_corrupted` when they are missing or changed in size. */
  resolve(model: Model): Promise<InstalledModel>;
  /**
   * Downloads a model of the catalogue, or again the files of a record, and writes the record. Ends at once when all is there.
   * Throws `ApiError` 404 `model_not_found` and 409 `model_not_ready` (another process is at it), `DownloadError`, the signal's reason.
   */
  pull(id: string, options: DownloadOptions, signal: AbortSignal): AsyncGenerator<Progress, void>;
  /** Bytes that a stopped download has left, 0 for none. */
  partial(id: string): Promise<number>;
}

/** The library of a data folder, which is created when something is first written. */
export function openLibrary(
  folder: string,
  { onDamaged, now = () => Math.floor(Date.now() / 1000) }: LibraryOptions = {},
): Library {
  const records = join(folder, "models");
  const weights = join(folder, "weights");
  const recordPath = (id: string) => join(records, `${encodeKey(id)}.json`);
  const weightsPath = (id: string) => join(weights, encodeKey(id));

  // A leading dot, as no key has: neither a record's nor a folder's name can be taken for a lock.
  const lock = async (id: string) => {
    await mkdir(weights, { recursive: true, mode: 0o700 });
    return takeLock(join(weights, `.${encodeKey(id)}.lock`)).catch((error) => Promise.reject(busy(id, error)));
  };

  const readable = (id: string) =>
    library.get(id).catch((error) => {
      if (!(error instanceof ApiError)) throw error;
      onDamaged?.(id, error);
    });

  const library: Library = {
    async list() {
      const names = await readdir(records).catch(absent<string[]>([]));
      const ids = names.flatMap((name) => (name.endsWith(".json") ? (decodeKey(name.slice(0, -5)) ?? []) : []));
      const models = await mapLimited(ids, READS_AT_ONCE, readable);
      return models.filter((model) => model !== undefined).sort((a, b) => (a.id < b.id ? -1 : 1));
    },

    async get(id) {
      if (!hasKey(id)) return undefined;
      const value = await readRecord(recordPath(id)).catch((error) => Promise.reject(damaged(id, error)));
      return value === undefined ? undefined : checked(value, id);
    },

    async add(model) {
      await writeRecord(recordPath(model.id), model);
    },

    async remove(id) {
      if (!hasKey(id)) return false;
      const unlock = await lock(id);
      try {
        const removed = await Promise.all([recordPath(id), weightsPath(id)].map(exists));
        await rm(recordPath(id), { force: true });
        if (removed[0]) await syncFolder(records);
        await rm(weightsPath(id), { recursive: true, force: true });
        return removed.includes(true);
      } finally {
        await unlock();
      }
    },

    async resolve(model) {
      const paths = model.files.map((file) => file.path ?? join(weightsPath(model.id), file.name));
      for (const [i, file] of model.files.entries()) await checkFile(model.id, file, paths[i]!);
      return { id: model.id, path: paths[0]!, settings: model.settings };
    },

    async *pull(id, options, signal) {
      const installed = await library.get(id);
      if (installed && (await isWhole(installed))) return;
      const manifest = catalog().find((model) => model.id === id) ?? installed;
      if (!manifest) throw unknown(id);
      const unlock = await lock(id);
      try {
        const files: ModelFile[] = [];
        for (const file of manifest.files) {
          if (file.path !== undefined) throw missing(id, file);
          const target = join(weightsPath(id), file.name);
          yield* download(file, target, options, signal);
          files.push({ ...file, size: (await stat(target)).size });
        }
        await library.add({ ...manifest, created: now(), files });
      } finally {
        await unlock();
      }
    },

    async partial(id) {
      if (!hasKey(id)) return 0;
      const names = await readdir(weightsPath(id)).catch(absent<string[]>([]));
      const parts = names.filter((name) => name.endsWith(".part"));
      const sizes = await Promise.all(
        parts.map(async (name) => (await stat(join(weightsPath(id), name)).catch(absent({ size: 0 }))).size),
      );
      return sizes.reduce((a, b) => a + b, 0);
    },
  };

  const isWhole = (model: Model) =>
    library.resolve(model).then(
      () => true,
      () => false,
    );
  return library;
}

function checked(value: unknown, id: string): Model {
  const result = v.safeParse(Model, value);
  if (!result.success) throw damaged(id, new Error(`${v.getDotPath(result.issues[0]) ?? "it"}: ${result.issues[0].message}`));
  if (result.output.id !== id) throw damaged(id, new Error(`it holds the id ${shown(result.output.id)}`));
  return result.output;
}

async function checkFile(id: string, file: ModelFile, path: string): Promise<void> {
  // A link may stand for a file that is used in place, never for one that ingle put there itself.
  const there = await (file.path === undefined ? lstat(path) : stat(path)).catch(absent(undefined));
  if (!there?.isFile()) throw missing(id, file);
  if (there.size === (file.size ?? there.size)) return;
  throw resized(id, file, there.size);
}

function hasKey(id: string): boolean {
  try {
    encodeKey(id);
    return true;
  } catch {
    return false; // too long to be a file name, so nothing was ever stored under it
  }
}

const exists = (path: string) => lstat(path).then(() => true, absent(false));

/** For `catch`: what is not there reads as the given value, every other failure is one. */
function absent<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return value;
    throw error;
  };
}

async function mapLimited<T, R>(items: T[], limit: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += limit) results.push(...(await Promise.all(items.slice(at, at + limit).map(work))));
  return results;
}
