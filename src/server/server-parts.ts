// What the handlers of a server use: what runs models, and what fetches them. A server listens before this is imported.
import { getRandomValues } from "node:crypto";
import { join } from "node:path";
import type { Adapter } from "../../adapters/adapter.ts";
import manifest from "../../package.json" with { type: "json" };
import { slotsOfUpstream } from "../../adapters/upstream/upstream-config.ts";
import { DEFAULT_MODEL, ONLY_FOR_TRYING } from "../../models/catalog.ts";
import type { Model } from "../../models/manifest.ts";
import type { OwnModel } from "../../models/own-model.ts";
import type { AppBeginning } from "./app.ts";
import type { AppOptions } from "../api/deps.ts";
import { KV_CACHE_FOLDER } from "../../models/saved-state-files.ts";
import { sourceOptions } from "./read-config.ts";
import type { Config } from "./settings.ts";
import { createDownloadJobs } from "../library/download-jobs.ts";
import { createModelPool, type ModelPool } from "../inference/model-pool.ts";
import { createMemoryEstimator } from "../inference/memory-estimator.ts";
import { epochSeconds } from "../support/epoch-seconds.ts";
import { newId } from "../support/ids.ts";
import { createLibrary, type Library, type LibraryOptions } from "../library/library.ts";
import { createFixedLibrary } from "../library/fixed-library.ts";
import { createIdleWork } from "../inference/idle-work.ts";
import { later } from "../inference/loading-events.ts";
import { createTemplateNotes } from "../inference/template-notes.ts";
import { encodeKey } from "../storage/encode-key.ts";
import type { DataFolder } from "../storage/data-folder.ts";
import type { Store } from "../storage/store.ts";
import type { Log } from "../support/log/log.ts";
import { createAdapters, llamaCppRelease, type Adapters } from "./adapters.ts";
import { speedRows } from "./engine-speeds.ts";
import { createCardReader } from "./graphics-cards.ts";
import { keptTemplates, releases } from "./kept-templates.ts";
import { machineMemoryBudget } from "./machine-memory-budget.ts";

export interface ServerParts {
  /** All of the application's options. */
  app_options: AppOptions;
  library: Library;
  pool: ModelPool;
  /** Goes on with the downloads of an earlier server. */
  resumeDownloads(): Promise<void>;
  /** Lets running answers end for `grace_ms`, and closes every engine. */
  close(grace_ms: number): Promise<void>;
}

export interface ServerPartsOptions {
  folder: Pick<DataFolder, "store" | "lock" | "presence">;
  config: Config;
  /** All models, where none has files; absent: those of the data folder. */
  models: readonly OwnModel[] | undefined;
  beginning: AppBeginning;
  /** As `CreateServerOptions` has them. */
  options: { for_owner?: boolean; reads?: boolean; adapter?: Adapter | undefined };
}

export function createServerParts({ folder, config, models, beginning, options }: ServerPartsOptions): ServerParts {
  const { store, lock, presence } = folder;
  const { log, log_requests } = beginning;
  const own = options.adapter;
  const adapters: Partial<Adapters> & Pick<Adapters, "adapterOf"> = own
    ? { adapterOf: () => own }
    : createAdapters(config, log, options.reads ? undefined : keptTemplates(config.data, log, lock?.folder_id));
  const { adapterOf } = adapters;
  // Models of other servers, threads and downloads need none, and what is missing may be built while the server runs: it starts all the same.
  const missing = options.reads || options.for_owner ? undefined : adapters.missing?.();
  if (missing !== undefined) log.warn(`Models of this machine cannot be loaded. ${missing}`);
  const library =
    models === undefined
      ? libraryOf(config, store, log, (id, error) => pool.unloadDamaged(id, error))
      : createFixedLibrary(models);
  const templates = createTemplateNotes({
    ...{ library, adapterOf, releases, log },
    background: !(options.reads || options.for_owner),
  });
  // A command that ends soon leaves that to servers.
  const times_engines = config.measure && !options.reads && !options.for_owner;
  const idle = createIdleWork({
    work: async (signal) => (times_engines ? adapters.speeds?.()?.timeWanted(signal) : undefined),
    later,
  });
  const budget = machineMemoryBudget(config.memory, () => pool.list());
  // Models without files need no estimate.
  const estimator = models === undefined ? createMemoryEstimator({ ...config, budget }) : undefined;
  const { graphicsCards } = adapters;
  const cards =
    graphicsCards &&
    createCardReader({
      ...{ read: graphicsCards, list: () => pool.list() },
      ...{ log: log.warn, now: () => performance.now() },
    });
  const noteTrial = once(() => log.info(ONLY_FOR_TRYING));
  const pool: ModelPool = createModelPool({
    ...poolSettings(config, lock?.folder_id),
    adapterOf,
    resolve: library.resolveForLoad,
    onUse: library.recheck,
    onBusy: idle.begin,
    onLoaded(model, { template }) {
      if (template) void templates.keep(model, template);
      if (log_requests && model.id === DEFAULT_MODEL) noteTrial();
    },
    memory: estimator && {
      async need(installed, load, model) {
        return model.upstream ? undefined : estimator.need(installed, load, await cards?.left(adapterOf(model).name));
      },
      budget,
    },
    log,
  });
  const sources = sourceOptions(config, undefined, { for_owner: options.for_owner ?? false });
  const downloads = createDownloadJobs({
    library,
    records: store.downloads,
    most: config.downloads,
    onInstalled: templates.ask,
    options: sources,
    now: epochSeconds,
    log,
  });
  let resuming = false;
  const resumeDownloads = async (): Promise<void> => {
    resuming = true;
    await downloads.resume();
  };
  presence?.watch({
    away: downloads.suspend,
    back() {
      downloads.unsuspend();
      if (resuming) downloads.resume().catch((cause) => log.error("downloads were not gone on with", { cause }));
    },
  });
  const app_options: AppOptions = {
    ...beginning,
    library,
    pool,
    downloads,
    adapterOf,
    templates,
    adapterNotice: adapters.notice,
    engineSpeeds: () => speedRows(adapters.speeds?.()),
    ...(estimator && { estimator }),
    ...(adapters.answerSpeed && { answerSpeed: adapters.answerSpeed }),
    ...(cards && { cardsOf: (model: Model) => cards.all(adapterOf(model).name) }),
    fetchRemoteFacts: (id, signal) => library.fetchRemoteFacts(id, sources, signal),
    models_dir: config.models_dir,
    allow_private: config.allow_private,
    download_hosts: config.download_hosts,
    version: manifest.version,
    llamaCppRelease,
    default_model: config.model,
    stream_default: config.stream_default,
    newId,
    newSeed: () => getRandomValues(new Uint32Array(1))[0]!,
    now: epochSeconds,
  };
  return {
    app_options,
    library,
    pool,
    resumeDownloads,
    async close(grace_ms) {
      // In this order: a job that is stopped is gone on with by the next server, one that fails is not.
      await Promise.all([downloads.close(), library.close(), templates.close(), idle.close()]);
      await pool.close(grace_ms);
      await adapters.close?.();
    },
  };
}

function libraryOf({ data }: Config, { models, downloads }: Store, log: Log, onDamaged: LibraryOptions["onDamaged"]): Library {
  const kv_cache = join(data, KV_CACHE_FOLDER);
  const records = { records: models, downloads };
  return createLibrary({ ...records, weights: join(data, "weights"), kv_cache, onDamaged, log });
}

function poolSettings({ data, kv_cache, slots, queue, threads, context, keep_alive, timeout, pin }: Config, data_id?: string) {
  const folderOf = ({ id }: Model): string => join(data, KV_CACHE_FOLDER, encodeKey(id));
  const within = data_id === undefined ? undefined : { folder: data, id: data_id };
  return {
    slots: (model: Model) => slotsOfUpstream(model) ?? slots,
    ...{ queue, threads, context, keep_alive, timeout, pinned: pin },
    ...(kv_cache > 0 && { kvCacheOf: (model: Model) => ({ folder: folderOf(model), bytes: kv_cache, within }) }),
  };
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}
