// The models of a data folder: one record each in the store, and the weights that ingle fetched for them as plain files.
import { lstat, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { LRUCache } from "lru-cache";
import { listedAs } from "../../models/catalog.ts";
import type { InstalledModel, Model, TemplateNote } from "../../models/manifest.ts";
import type { PendingModel } from "../../models/pending-model.ts";
import { createChanges } from "./changes.ts";
import { createWeightFiles, sumPartialBytes, type WeightFilesOptions } from "./weight-files.ts";
import { createWeightVerifier } from "./weight-verifier.ts";
import type { ModelInstaller } from "./install-model.ts";
import { totalBytes, weightFilesOf } from "../../models/model-files.ts";
import { lacksHeaderFacts, withoutOldContext, withoutOldDefaults } from "./old-record.ts";
import { missingLora } from "./errors.ts";
import { createPendingModels, type PendingModels } from "./pending-models.ts";
import { createDownloadPlanner, type DownloadPlanner } from "./plan-download.ts";
import type { Collection } from "../storage/collection.ts";
import { isRecordFault, undefinedIfAbsent } from "../storage/faults.ts";
import { encodeKey } from "../storage/encode-key.ts";
import { notePath } from "../storage/weight-notes.ts";
import { epochSeconds } from "../support/epoch-seconds.ts";

export interface LibraryOptions extends Pick<WeightFilesOptions, "onDamaged" | "log"> {
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

export interface Library
  extends DownloadPlanner, ModelInstaller, Pick<PendingModels, "addPending" | "setUse" | "listPending" | "getPending"> {
  /** All readable records, sorted by id. */
  list(): Promise<Model[]>;
  /** All records, sorted by id; undefined for one that cannot be read. */
  all(): Promise<[id: string, model: Model | undefined][]>;
  /** Undefined when there is none. Throws `ApiError` 500 `corrupted_entity` or `storage_error`. */
  get(id: string): Promise<Model | undefined>;
  /** Writes a record, in place of one with the same id. */
  add(model: Model): Promise<void>;
  /**
   * Removes the record, even a damaged one, then, once `unused` has resolved, fetched weights, partial downloads and
   * saved states of its conversations; files used in place stay. False when there was nothing, or another request removes it. Throws
   * `ApiError` 409 `model_not_ready` beside a download.
   */
  remove(id: string, unused?: () => Promise<void>): Promise<boolean>;
  /**
   * Where the weights are, or who runs the model instead. Throws `ApiError` 500 `model_corrupted` when they are missing, changed in size or
   * known to be damaged.
   */
  resolve(model: Model): Promise<InstalledModel>;
  /**
   * As `resolve`, for a load: of files that may have changed since, and of those never looked at, the sha256 is made meanwhile.
   * `onDamaged` is called where it is wrong.
   */
  resolveForLoad(model: Model): Promise<InstalledModel>;
  /**
   * The model with what older releases did not read of its header, which its record then has too; the same one where its file cannot be read.
   */
  withHeaderFacts(model: Model): Promise<Model>;
  /** Looks whether the files of a loaded model change under it, once a second at most, as `resolveForLoad` does. */
  recheck(model: Model): void;
  /** Keeps what was found out of a model's template, unless its files are others by now. */
  noteTemplate(model: Model, note: TemplateNote): Promise<void>;
  /**
   * Takes files that are used in place as they now are, where they may have changed: `found` describes them anew. Answers with the record,
   * which is the `known` one where they have not.
   */
  takeAsItIs(known: Model, found: Model): Promise<Model>;
  /** Stops making sha256s; they are made when they are next needed. */
  close(): Promise<void>;
  /** Adds a model that needs no download. Throws `ApiError` 409 `model_exists` for an id that stands for another one. */
  addWithoutDownload(model: Model): Promise<void>;
  /** Bytes that a stopped download has left, 0 for none. */
  partialBytes(id: string): Promise<number>;
}

const MOST_FOLDERS = 200;

export function createLibrary({
  records,
  downloads,
  weights,
  kv_cache,
  onDamaged,
  log,
  now = epochSeconds,
}: LibraryOptions): Library {
  // Each answer about a model asks for its folder several times.
  const folders = new LRUCache<string, string>({ max: MOST_FOLDERS, memoMethod: (id) => join(weights, encodeKey(id)) });
  const folderOf = (id: string): string => folders.memo(id);
  const changes = createChanges();
  const pending = createPendingModels({ records, downloads, now });
  const verifier = createWeightVerifier(log);
  const weightFiles = createWeightFiles({ verifier, folderOf, onDamaged, log });
  const { planDownload } = createDownloadPlanner({ records, downloads, weightFiles });
  // What fetches files is code that most servers never run: the first download imports it.
  let created: Promise<ModelInstaller> | undefined;
  const installer = (): Promise<ModelInstaller> =>
    (created ??= import("./install-model.ts").then(({ createModelInstaller }) =>
      createModelInstaller({ records, downloads, planDownload, pending, changes, weightFiles, verifier, folderOf, now }),
    ));
  const installedModel = (model: Model): InstalledModel => {
    const { id, upstream, settings, pooling, causal, adapter_options } = model;
    if (upstream !== undefined) return { id, path: "", upstream, settings };
    const paths = weightFiles.filesOf(model).map(({ path }) => path);
    const projector = paths[model.files.findIndex(({ role }) => role === "projector")];
    const extra_bytes = totalBytes(weightFilesOf(model).slice(1));
    return {
      id,
      path: paths[0]!,
      extra_bytes,
      projector,
      settings,
      ...(pooling && { pooling }),
      ...(causal !== undefined && { causal }),
      ...(adapter_options && { adapter_options }),
    };
  };

  async function renewRecord(model: Model): Promise<Model> {
    const [{ readGgufFile }, { fillFromHeader }, listed] = await Promise.all([
      import("../../models/gguf/header.ts"),
      import("../../models/gguf/fill-from-header.ts"),
      listedAs(model),
    ]);
    const header = await readGgufFile(installedModel(model).path);
    const renewed = (record: Model): Model => fillFromHeader(listed ? withoutOldContext(record) : record, header);
    await records.patch(model.id, renewed).catch(() => {});
    return renewed(model);
  }

  const withHeaderFacts = async (model: Model): Promise<Model> =>
    lacksHeaderFacts(model) ? renewRecord(model).catch(() => model) : model;

  const getRecord = async (id: string): Promise<Model | undefined> => {
    const record = await records.get(id);
    return record && withoutOldDefaults(record);
  };

  return {
    async resolve(model) {
      await weightFiles.check(model);
      await checkLora(model);
      return installedModel(model);
    },
    async resolveForLoad(model) {
      await weightFiles.checkForLoad(model);
      await checkLora(model);
      return installedModel(await withHeaderFacts(model));
    },
    withHeaderFacts,
    recheck: weightFiles.recheck,
    close: verifier.close,
    addPending: pending.addPending,
    setUse: pending.setUse,
    listPending: pending.listPending,
    getPending: pending.getPending,
    planDownload,
    async *install(...args) {
      yield* (await installer()).install(...args);
    },
    fetchRemoteFacts: async (...args) => (await installer()).fetchRemoteFacts(...args),

    list: async () => Promise.all((await records.getMany(await records.ids())).map(withoutOldDefaults)),

    async all() {
      const ids = await records.ids();
      return Promise.all(
        ids.map(async (id) => [id, await getRecord(id).catch(undefinedIfUnreadable)] as [string, Model | undefined]),
      );
    },

    get: getRecord,

    add: (model) => records.put(model),

    async remove(id, unused = async () => {}) {
      if (changes.of(id) === "removed") return false;
      changes.begin(id, "removed");
      try {
        // The record goes first: a crash in between leaves files without a model, never a model without its files.
        const removed = await records.remove(id);
        const forgotten = await downloads.remove(id);
        await unused();
        await weightFiles.forget(id);
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

    async noteTemplate({ id, files, settings }, note) {
      const isSame = (record: Model): boolean =>
        isDeepStrictEqual(record.files, files) && record.settings.prompt_template === settings.prompt_template;
      const known = await records.get(id);
      if (known === undefined || !isSame(known) || isDeepStrictEqual(known.template_abilities, note)) return;
      await records.patch(id, (record) => (isSame(record) ? { ...record, template_abilities: note } : record));
    },

    async takeAsItIs(known, found) {
      if (isDeepStrictEqual(known.files, found.files) && !(await weightFiles.mayHaveChanged(known))) return known;
      const {
        name,
        version,
        description,
        owned_by,
        created,
        settings,
        parameters,
        engine,
        adapter_options,
        source_url = found.source_url,
      } = known;
      const said = { name, version, description, owned_by, created, settings, parameters, ...(source_url && { source_url }) };
      const used = { ...(engine && { engine }), ...(adapter_options && { adapter_options }) };
      const taken = { ...used, ...found, ...said };
      await weightFiles.forget(known.id);
      // The notes go first: a crash in between leaves files that are damaged by their length, or looked at anew.
      for (const { folder, file } of weightFiles.filesOf(taken)) await rm(notePath(folder, file.name), { force: true });
      await records.put(taken);
      return taken;
    },

    partialBytes: (id) => sumPartialBytes(folderOf(id)),
  };
}

/** Throws `ApiError` 500 `model_corrupted` where a file that changes the model is missing. */
async function checkLora({ id, adapter_options }: Model): Promise<void> {
  for (const { path } of adapter_options?.lora ?? [])
    if (!(await stat(path).catch(undefinedIfAbsent))?.isFile()) throw missingLora(id, path);
}

/** For `catch`: a failure that hides more than this record is thrown on. */
function undefinedIfUnreadable(error: Error): undefined {
  if (!isRecordFault(error.cause)) throw error;
}
