// The models of a data folder: one record each in the store, and the weights that ingle fetched for them as plain files.
import { lstat, rm } from "node:fs/promises";
import { join } from "node:path";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import type { PendingModel } from "../../models/pending-model.ts";
import { createChanges } from "./changes.ts";
import { totalBytes, weightFilesOf } from "./fetch-files.ts";
import { checkWeightFile, sumPartialBytes } from "./weight-files.ts";
import { createModelInstaller, type ModelInstaller } from "./install-model.ts";
import { createPendingModels, type PendingModels } from "./pending-models.ts";
import type { Collection } from "../storage/collection.ts";
import { isRecordFault, undefinedIfAbsent } from "../storage/faults.ts";
import { encodeKey } from "../storage/encode-key.ts";
import { KINDS } from "../storage/store.ts";

export interface LibraryOptions {
  records: Collection<Model>;
  /** The pending models. */
  downloads: Collection<PendingModel>;
  /** Absolute path of the folder of the weights, which is made when something is first fetched. */
  weights: string;
  /** Absolute path of the folder with the state of idle conversations, which may never be made; absent: none is kept. */
  kv_cache?: string;
  /** Seconds since 1970. */
  now?: () => number;
}

export interface Library extends ModelInstaller, Pick<PendingModels, "addPending" | "setAdapter" | "listPending" | "getPending"> {
  /** All readable records, sorted by id. */
  list(): Promise<Model[]>;
  /** All records, sorted by id; undefined for one that cannot be read. */
  all(): Promise<[id: string, model: Model | undefined][]>;
  /** Undefined when there is none. Throws `ApiError` 500 `corrupted_entity` or `storage_error`. */
  get(id: string): Promise<Model | undefined>;
  /** Writes a record, in place of one with the same id. Throws `RangeError` for an id too long to be a file name. */
  add(model: Model): Promise<void>;
  /**
   * Removes the record, even a damaged one, then, once `unused` has resolved, fetched weights, partial downloads and
   * saved states of its conversations; files used in place stay. False when there was nothing, or another request removes it. Throws
   * `ApiError` 409 `model_not_ready` beside a download.
   */
  remove(id: string, unused?: () => Promise<void>): Promise<boolean>;
  /** Where the weights are, or who runs the model instead. Throws `ApiError` 500 `model_corrupted` when they are missing or changed in size. */
  resolve(model: Model): Promise<InstalledModel>;
  /** Adds a model that needs no download. Throws `ApiError` 409 `model_exists` for an id that stands for another one. */
  addWithoutDownload(model: Model): Promise<void>;
  /** Bytes that a stopped download has left, 0 for none. */
  partialBytes(id: string): Promise<number>;
}

export function createLibrary({
  records,
  downloads,
  weights,
  kv_cache,
  now = () => Math.floor(Date.now() / 1000),
}: LibraryOptions): Library {
  const folderOf = (id: string) => join(weights, encodeKey(id));
  const changes = createChanges();
  const pending = createPendingModels({ records, downloads, now });
  const resolve: Library["resolve"] = async (model) => {
    const { id, upstream, settings } = model;
    if (upstream !== undefined) return { id, path: "", upstream, settings };
    const paths = model.files.map((file) => file.path ?? join(folderOf(id), file.name));
    for (const [i, file] of model.files.entries()) await checkWeightFile(id, file, paths[i]!);
    const projector = paths[model.files.findIndex(({ role }) => role === "projector")];
    return { id, path: paths[0]!, extra_bytes: totalBytes(weightFilesOf(model).slice(1)), projector, settings };
  };

  return {
    resolve,
    addPending: pending.addPending,
    setAdapter: pending.setAdapter,
    listPending: pending.listPending,
    getPending: pending.getPending,
    ...createModelInstaller({ records, downloads, pending, changes, resolve, folderOf, now }),

    list: async () => records.getMany(await records.ids()),

    async all() {
      const ids = await records.ids();
      return Promise.all(
        ids.map(async (id) => [id, await records.get(id).catch(undefinedIfUnreadable)] as [string, Model | undefined]),
      );
    },

    get: (id) => records.get(id),

    add: (model) => records.put(model),

    async remove(id, unused = async () => {}) {
      if (!hasKey(id) || changes.of(id) === "removed") return false;
      changes.begin(id, "removed");
      try {
        // The record goes first: a crash in between leaves files without a model, never a model without its files.
        const removed = await records.remove(id);
        const forgotten = await downloads.remove(id);
        await unused();
        const there = await lstat(folderOf(id)).catch(undefinedIfAbsent);
        await rm(folderOf(id), { recursive: true, force: true });
        if (kv_cache !== undefined) await rm(join(kv_cache, encodeKey(id)), { recursive: true, force: true });
        return removed || forgotten || there !== undefined;
      } finally {
        changes.end(id);
      }
    },

    async addWithoutDownload(model) {
      await pending.isKnown(model);
      await records.put(model);
    },

    partialBytes: async (id) => (hasKey(id) ? sumPartialBytes(folderOf(id)) : 0),
  };
}

/** For `catch`: a failure that hides more than this record is thrown on. */
function undefinedIfUnreadable(error: Error): undefined {
  if (!isRecordFault(error.cause)) throw error;
}

const hasKey = (id: string): boolean => KINDS.models.toKey(id) !== undefined;
