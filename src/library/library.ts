// The models of a data folder: one record each in the store, and the weights that ingle fetched for them as plain files.
import { lstat, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { catalog } from "../../models/catalog.ts";
import { described } from "../../models/described.ts";
import { readGgufFile } from "../../models/gguf/gguf.ts";
import { filesInRepo } from "../../models/download/hub.ts";
import type { InstalledModel, Model } from "../../models/model.ts";
import type { HubReference } from "../../models/reference.ts";
import { remoteHeader } from "../../models/download/remote-header.ts";
import { type DownloadOptions, type Progress, SourceError } from "../../models/download/sources.ts";
import type { WantedModel } from "../../models/wanted.ts";
import type { Facts } from "../fit.ts";
import { busy, elsewhere, taken, unknown, unseen } from "./errors.ts";
import { fetchAll, isOfAnotherFile, sizeOf, unfetched, weightsOf } from "./fetch.ts";
import { absent, checkFile, partialBytes } from "./files.ts";
import type { Collection } from "../store/collection.ts";
import { isOfOneRecord } from "../store/faults.ts";
import { encodeKey } from "../store/key.ts";

export interface LibraryOptions {
  records: Collection<Model>;
  /** Models that are to be fetched. */
  downloads: Collection<WantedModel>;
  /** Absolute path of the folder of the weights, which is made when something is first fetched. */
  weights: string;
  /** Absolute path of the folder with the state of idle conversations, which may never be made; absent: nobody keeps any. */
  kv_cache?: string;
  /** Seconds since 1970. */
  now?: () => number;
}

export interface Library {
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
   * what is kept of its conversations; files used in place stay. False when there was nothing, or somebody else removes it. Throws `ApiError` 409 `model_not_ready` beside a pull.
   */
  remove(id: string, unused?: () => Promise<void>): Promise<boolean>;
  /** Where the weights are, or who runs the model instead. Throws `ApiError` 500 `model_corrupted` when they are missing or changed in size. */
  resolve(model: Model): Promise<InstalledModel>;
  /** Adds a model that needs no download. Throws `ApiError` 409 `model_exists` for an id that stands for another one. */
  claim(model: Model): Promise<void>;
  /** Notes a model that is to be fetched. Throws `ApiError` 409 `model_exists` for an id that stands for another one. */
  ask(wanted: Wanted): Promise<void>;
  /** Models that were asked for and are not there, sorted by id; without files where only the hub can say what they are made of. */
  asked(): Promise<Model[]>;
  /**
   * What a pull would fetch: a model that was asked for, one of the catalogue, or again the files of a record; undefined when all is
   * there. Throws `ApiError` 404 `model_not_found`, 409 `model_not_downloadable` for one that other servers run, and 500
   * `model_corrupted` where a file that is used in place is gone.
   */
  wanted(id: string): Promise<Wanted | undefined>;
  /**
   * Fetches what is wanted and writes the record. Ends at once when all is there. Throws what `wanted` throws, `ApiError` 409
   * `model_not_ready` beside another pull or a removal of it, `DownloadError`, the signal's reason.
   */
  pull(id: string, options: DownloadOptions, signal: AbortSignal): AsyncGenerator<Progress, void>;
  /**
   * The facts of a model that is not here, out of its file where it would come from. Throws what `wanted` throws, and `ApiError` 502
   * with the reason of each source.
   */
  look(id: string, options: DownloadOptions, signal: AbortSignal): Promise<Facts>;
  /** Bytes that a stopped download has left, 0 for none. */
  partial(id: string): Promise<number>;
}

export interface Wanted {
  model: Model;
  /** Says what the files are where the manifest has none. */
  reference?: HubReference | undefined;
  /** Its address may be plain http, or private. */
  allow_private?: boolean | undefined;
}

export function createLibrary({
  records,
  downloads,
  weights,
  kv_cache,
  now = () => Math.floor(Date.now() / 1000),
}: LibraryOptions): Library {
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

    async all() {
      const ids = await records.ids();
      return Promise.all(ids.map(async (id) => [id, await records.get(id).catch(ofNone)] as [string, Model | undefined]));
    },

    get: (id) => records.get(id),

    add: (model) => records.put(model),

    async remove(id, unused = async () => {}) {
      if (!hasKey(id) || changing.get(id) === "removed") return false;
      begin(id, "removed");
      try {
        // In this order: a crash in between leaves files that nobody misses, never a model without its files.
        const removed = await records.remove(id);
        const forgotten = await downloads.remove(id);
        await unused();
        const there = await lstat(weightsPath(id)).catch(absent(undefined));
        await rm(weightsPath(id), { recursive: true, force: true });
        if (kv_cache !== undefined) await rm(join(kv_cache, encodeKey(id)), { recursive: true, force: true });
        return removed || forgotten || there !== undefined;
      } finally {
        changing.delete(id);
      }
    },

    async resolve(model) {
      const { id, upstream, settings } = model;
      if (upstream !== undefined) return { id, path: "", upstream, settings };
      const paths = model.files.map((file) => file.path ?? join(weightsPath(model.id), file.name));
      for (const [i, file] of model.files.entries()) await checkFile(model.id, file, paths[i]!);
      const projector = paths[model.files.findIndex(({ role }) => role === "projector")];
      return { id, path: paths[0]!, extra_bytes: sizeOf(weightsOf(model).slice(1)), projector, settings };
    },

    async claim(model) {
      await known(model);
      await records.put(model);
    },

    async ask({ model, reference, allow_private }) {
      if (await known(model)) return;
      const wish = { id: model.id, object: "model.download", created_at: now(), state: "added", model } as const;
      await downloads.put({ ...wish, ...(reference && { reference }), ...(allow_private && { allow_private }) });
    },

    async asked() {
      const wishes = await downloads.some(await downloads.ids());
      const there = new Set(await records.ids());
      return wishes.map(({ model }) => model).filter(({ id }) => !there.has(id));
    },

    async wanted(id) {
      const installed = await library.get(id);
      if (installed?.upstream !== undefined) throw elsewhere(id, installed.upstream.urls[0]!);
      const fault = installed && (await faultOf(installed));
      if (installed !== undefined && fault === undefined) return undefined;
      const asked = await downloads.get(id);
      if (asked !== undefined) return asked;
      const manifest = catalog().find((model) => model.id === id) ?? installed;
      if (manifest === undefined) throw unknown(id);
      if (manifest.files.some(({ path }) => path !== undefined)) throw fault;
      return { model: manifest };
    },

    async *pull(id, given, signal) {
      const wanted = await library.wanted(id);
      // A crash may have come between the record and this.
      if (wanted === undefined) return void (await downloads.remove(id));
      const options = wanted.allow_private ? { ...given, allow_private: true } : given;
      begin(id, "downloaded");
      try {
        if (wanted.reference) yield { source: `Hugging Face (${wanted.reference.repo})`, bytes: 0 };
        const manifest = await complete(wanted, options, signal).catch(unfetched);
        const files = yield* fetchAll(manifest, weightsPath(id), options, signal);
        const header = await readGgufFile(join(weightsPath(id), files[0]!.name));
        await library.add(described({ ...manifest, created: now(), files }, header));
        // In this order: a crash in between leaves a wish that is fulfilled already.
        await downloads.remove(id);
      } catch (error) {
        if (wanted.reference && isOfAnotherFile(error)) await forgetFiles(id);
        throw error;
      } finally {
        changing.delete(id);
      }
    },

    async look(id, given, signal) {
      const wanted = await library.wanted(id);
      if (wanted === undefined) throw unknown(id);
      const options = wanted.allow_private ? { ...given, allow_private: true } : given;
      try {
        const manifest = await complete(wanted, options, signal);
        const further = weightsOf(manifest).slice(1);
        return { header: await remoteHeader(manifest, options, signal), extra_bytes: sizeOf(further) };
      } catch (error) {
        throw error instanceof SourceError ? unseen(id, error) : error;
      }
    },

    async partial(id) {
      if (!hasKey(id)) return 0;
      return partialBytes(weightsPath(id));
    },
  };

  /** Whether the id is in use for this very model. */
  async function known(model: Model): Promise<boolean> {
    const [there, asked] = [await records.get(model.id), await downloads.get(model.id)];
    for (const other of [there, asked?.model]) if (other !== undefined && !isSame(other, model)) throw taken(model.id);
    return there !== undefined || asked !== undefined;
  }

  /** The hub's word on the files is kept: a later try goes on with the same ones. */
  async function complete({ model, reference }: Wanted, options: DownloadOptions, signal: AbortSignal): Promise<Model> {
    if (model.files.length > 0 || reference === undefined) return model;
    const files = await filesInRepo(reference, options, signal);
    await downloads.patch(model.id, (wish) => ({ ...wish, model: { ...model, files } }));
    return { ...model, files };
  }

  /** What the hub said was of a file that it has no more: the next try asks anew. */
  async function forgetFiles(id: string): Promise<void> {
    await downloads.patch(id, (wish) => ({ ...wish, model: { ...wish.model, files: [] } }));
  }

  const faultOf = (model: Model): Promise<Error | undefined> =>
    library.resolve(model).then(
      () => undefined,
      (error) => error,
    );
  return library;
}

/** What makes two requests for one id the same. */
function isSame(one: Model, other: Model): boolean {
  if (one.source_url === undefined || one.source_url !== other.source_url) return false;
  return isDeepStrictEqual(one.upstream, other.upstream);
}

/** What hides more than one record is no damage of this one. */
function ofNone(error: Error): undefined {
  if (!isOfOneRecord(error.cause)) throw error;
}

function hasKey(id: string): boolean {
  try {
    encodeKey(id);
    return true;
  } catch {
    return false; // too long to be a file name, so nothing was ever stored under it
  }
}
