// The models of a data folder: one record each in the store, and the weights that ingle fetched for them as plain files.
import { lstat, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { catalog } from "../models/catalog.ts";
import { download } from "../models/download.ts";
import type { InstalledModel, Model, ModelFile } from "../models/model.ts";
import type { DownloadOptions, Progress } from "../models/sources.ts";
import { busy, missing, resized, unknown } from "./library-errors.ts";
import type { Collection } from "./store/collection.ts";
import { isOfOneRecord } from "./store/faults.ts";
import { encodeKey } from "./store/key.ts";

export interface LibraryOptions {
  records: Collection<Model>;
  /** Absolute path of the folder of the weights, which is made when something is first fetched. */
  weights: string;
  /** Seconds since 1970. */
  now?: () => number;
}

export interface Library {
  /** All readable records, sorted by id. */
  list(): Promise<Model[]>;
  /** Ids of the records that cannot be read, sorted. */
  damaged(): Promise<string[]>;
  /** Undefined when there is none. Throws `ApiError` 500 `corrupted_entity` or `storage_error`. */
  get(id: string): Promise<Model | undefined>;
  /** Writes a record, in place of one with the same id. Throws `RangeError` for an id too long to be a file name. */
  add(model: Model): Promise<void>;
  /**
   * Removes the record, even a damaged one, then, once `unused` has resolved, fetched weights and partial downloads; files used in
   * place stay. False when there was nothing, or somebody else removes it. Throws `ApiError` 409 `model_not_ready` beside a pull.
   */
  remove(id: string, unused?: () => Promise<void>): Promise<boolean>;
  /** Where the weights are. Throws `ApiError` 500 `model_corrupted` when they are missing or changed in size. */
  resolve(model: Model): Promise<InstalledModel>;
  /**
   * What a pull would fetch: a model of the catalogue, or again the files of a record; undefined when all is there.
   * Throws `ApiError` 404 `model_not_found`, and 500 `model_corrupted` where a file that is used in place is gone.
   */
  wanted(id: string): Promise<Model | undefined>;
  /**
   * Fetches what is wanted and writes the record. Ends at once when all is there. Throws what `wanted` throws, `ApiError` 409
   * `model_not_ready` beside another pull or a removal of it, `DownloadError`, the signal's reason.
   */
  pull(id: string, options: DownloadOptions, signal: AbortSignal): AsyncGenerator<Progress, void>;
  /** Bytes that a stopped download has left, 0 for none. */
  partial(id: string): Promise<number>;
}

export function createLibrary({ records, weights, now = () => Math.floor(Date.now() / 1000) }: LibraryOptions): Library {
  const weightsPath = (id: string) => join(weights, encodeKey(id));
  /** What is being done to the files of a model, by id. */
  const changing = new Map<string, "downloaded" | "removed">();
  const begin = (id: string, change: "downloaded" | "removed"): void => {
    const other = changing.get(id);
    if (other !== undefined) throw busy(id, other);
    changing.set(id, change);
  };

  const library: Library = {
    list: async () => records.some(await records.ids()),

    async damaged() {
      const ids = await records.ids();
      const states = await Promise.all(ids.map((id) => records.get(id).then(() => false, isDamage)));
      return ids.filter((_, i) => states[i]);
    },

    get: (id) => records.get(id),

    add: (model) => records.put(model),

    async remove(id, unused = async () => {}) {
      if (!hasKey(id) || changing.get(id) === "removed") return false;
      begin(id, "removed");
      try {
        // In this order: a crash in between leaves files that nobody misses, never a model without its files.
        const removed = await records.remove(id);
        await unused();
        const there = await lstat(weightsPath(id)).catch(absent(undefined));
        await rm(weightsPath(id), { recursive: true, force: true });
        return removed || there !== undefined;
      } finally {
        changing.delete(id);
      }
    },

    async resolve(model) {
      const paths = model.files.map((file) => file.path ?? join(weightsPath(model.id), file.name));
      for (const [i, file] of model.files.entries()) await checkFile(model.id, file, paths[i]!);
      return { id: model.id, path: paths[0]!, settings: model.settings };
    },

    async wanted(id) {
      const installed = await library.get(id);
      const fault = installed && (await faultOf(installed));
      if (installed !== undefined && fault === undefined) return undefined;
      const manifest = catalog().find((model) => model.id === id) ?? installed;
      if (manifest === undefined) throw unknown(id);
      if (manifest.files.some(({ path }) => path !== undefined)) throw fault;
      return manifest;
    },

    async *pull(id, options, signal) {
      const manifest = await library.wanted(id);
      if (manifest === undefined) return;
      begin(id, "downloaded");
      try {
        const files: ModelFile[] = [];
        for (const file of manifest.files) {
          const target = join(weightsPath(id), file.name);
          yield* download(file, target, options, signal);
          files.push({ ...file, size: (await stat(target)).size });
        }
        await library.add({ ...manifest, created: now(), files });
      } finally {
        changing.delete(id);
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

  const faultOf = (model: Model): Promise<Error | undefined> =>
    library.resolve(model).then(
      () => undefined,
      (error) => error,
    );
  return library;
}

/** What hides more than one record is no damage of this one. */
function isDamage(error: Error): boolean {
  if (!isOfOneRecord(error.cause)) throw error;
  return true;
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

/** For `catch`: what is not there reads as the given value, every other failure is one. */
function absent<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return value;
    throw error;
  };
}
