// The composition root: from settings to a working application. `serve`, the other commands and the package all begin here.
import { getRandomValues, randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Adapter } from "../../adapters/adapter.ts";
import manifest from "../../package.json" with { type: "json" };
import { adapterNamed } from "../../adapters/registry.ts";
import { slotsOfUpstream } from "../../adapters/upstream/upstream-config.ts";
import { DEFAULT_MODEL, ONLY_FOR_TRYING } from "../../models/catalog.ts";
import type { Model } from "../../models/manifest.ts";
import type { OwnModel } from "../../models/own-model.ts";
import { createApp, type App } from "./app.ts";
import { KV_CACHE_FOLDER } from "../../models/saved-state-files.ts";
import { sourceOptions } from "./read-config.ts";
import type { Config } from "./settings.ts";
import { createDownloadJobs } from "../library/download-jobs.ts";
import { createModelPool, type ModelPool } from "../inference/model-pool.ts";
import { invalidValue } from "../http/errors.ts";
import type { GuardOptions } from "../http/middleware/guards.ts";
import { createMemoryEstimator } from "../inference/memory-estimator.ts";
import { newId, createRequestIds } from "../support/ids.ts";
import { createLibrary, type Library, type LibraryOptions } from "../library/library.ts";
import { createIdleWork } from "../inference/idle-work.ts";
import { later } from "../inference/loading-events.ts";
import { createTemplateNotes } from "../inference/template-notes.ts";
import type { Log } from "../support/log/log.ts";
import { createTrustedProxies } from "../support/trusted-proxies.ts";
import { encodeKey } from "../storage/encode-key.ts";
import { createFolderProof } from "../storage/lock/folder-proof.ts";
import type { Store } from "../storage/store.ts";
import { openDataFolder, readDataFolder, type DataFolder } from "../storage/data-folder.ts";
import { createAdapters, llamaCppRelease, type Adapters } from "./adapters.ts";
import { speedRows } from "./engine-speeds.ts";
import { createCardReader } from "./graphics-cards.ts";
import { keptTemplates, releases } from "./kept-templates.ts";
import { createFixedLibrary } from "../library/fixed-library.ts";
import { machineMemoryBudget } from "./machine-memory-budget.ts";
import { openLog } from "./open-log.ts";

export interface RunningServer {
  app: App;
  library: Library;
  log: Log;
  /** The key of the commands of the server's owner. */
  operator_key: string;
  /** Tells other commands where this one serves the API. */
  announceUrl(url: string): Promise<void>;
  /** Goes on with the downloads of an earlier server. */
  resumeDownloads(): Promise<void>;
  /** What the store keeps of what was acknowledged, as a sentence. */
  guarantee: string;
  /** Lets running answers end for `grace_ms`, closes every engine, and lets go of the data folder. */
  close(grace_ms: number): Promise<void>;
}

export interface CreateServerOptions {
  /** The name of the command, for others that find the data folder in use. */
  command: string;
  /** No other than the owner of this account can call it. */
  for_owner?: boolean;
  /** Nothing is to be written: the data folder may be in use by another process. */
  reads?: boolean;
  /** The server listens beyond loopback. */
  wide?: boolean;
  /** Takes the lines of the log, in JSON unless the settings say otherwise; absent: standard error. */
  write?: ((line: string) => void) | undefined;
  /** Each request is a line of the log. */
  log_requests?: boolean;
  /** Runs all models; absent: the adapter that the settings name. */
  adapter?: Adapter | undefined;
  /** All models, of an adapter that needs no files; absent: those of the data folder. */
  models?: readonly OwnModel[] | undefined;
}

/** Throws one sentence where the guards' settings are unsafe together, and where the data folder or its store cannot be had. */
export async function createServer(config: Config, options: CreateServerOptions): Promise<RunningServer> {
  const { command, reads = false } = options;
  const { log, flush } = openLog(config, options.write);
  const place = { folder: config.data, store: config.store, no_init: config.no_init, log };
  const folder = reads ? await readDataFolder(place) : await openDataFolder({ ...place, command });
  try {
    const server = createServerOn(folder, config, log, options);
    return { ...server, close: (grace_ms) => server.close(grace_ms).finally(flush) };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

function createServerOn(folder: DataFolder, config: Config, log: Log, options: CreateServerOptions): RunningServer {
  const { store, lock, presence } = folder;
  const own = options.adapter;
  const adapters: Partial<Adapters> & Pick<Adapters, "adapterOf"> = own
    ? { adapterOf: () => own }
    : createAdapters(config, log, options.reads ? undefined : keptTemplates(config.data, log, lock?.folder_id));
  const { adapterOf } = adapters;
  // Models of other servers, threads and downloads need none, and what is missing may be built while the server runs: it starts all the same.
  const missing = options.reads || options.for_owner ? undefined : adapters.missing?.();
  if (missing !== undefined) log.warn(`Models of this machine cannot be loaded. ${missing}`);
  const models = options.models ?? (own === undefined ? adapterNamed(config.adapter)?.models : undefined);
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
      if (options.log_requests && model.id === DEFAULT_MODEL) noteTrial();
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
  const operator_key = randomBytes(32).toString("base64url");
  const app = createApp({
    guards: guardOptions(config, options.wide ?? false, operator_key),
    store,
    library,
    pool,
    downloads,
    importFolder: (path, dry_run) => importInto(store, path, dry_run),
    sealKey: lock && createFolderProof(config.data, operator_key, store.isThere),
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
    log,
    log_requests: options.log_requests ?? false,
    version: manifest.version,
    llamaCppRelease,
    default_model: config.model,
    stream_default: config.stream_default,
    newId,
    newSeed: () => getRandomValues(new Uint32Array(1))[0]!,
    now: epochSeconds,
  });
  return {
    app,
    library,
    log,
    operator_key,
    guarantee: folder.guarantee,
    resumeDownloads,
    announceUrl: async (url) => lock?.announceUrl(url),
    async close(grace_ms) {
      // In this order: a job that is stopped is gone on with by the next server, one that fails is not.
      await Promise.all([downloads.close(), library.close(), templates.close(), idle.close()]);
      await pool.close(grace_ms);
      await adapters.close?.();
      await folder.close();
    },
  };
}

function libraryOf({ data }: Config, { models, downloads }: Store, log: Log, onDamaged: LibraryOptions["onDamaged"]): Library {
  const kv_cache = join(data, KV_CACHE_FOLDER);
  const records = { records: models, downloads };
  return createLibrary({ ...records, weights: join(data, "weights"), kv_cache, onDamaged, log, now: epochSeconds });
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

/** A guard's setting goes to it by its name. */
function guardOptions(config: Config, wide: boolean, operator_key: string): GuardOptions {
  const { host, hosts, key, trust_proxy } = config;
  // A server that listens at one address is called by it; the wildcards are no names.
  const own = /^(0\.0\.0\.0|\[?::\]?)$/.test(host) ? [] : [host];
  return {
    ...config,
    hosts: [...hosts, ...own],
    wide,
    keys: key,
    operator_key,
    trusted_proxies: createTrustedProxies(trust_proxy),
    newRequestId: createRequestIds(),
  };
}

async function importInto(store: Store, path: string, dry_run: boolean) {
  const [{ importFolder }, { ImportError }, { createDryRunStore }] = await Promise.all([
    import("../import/import.ts"),
    import("../import/old-folder.ts"),
    import("../import/dry-run.ts"),
  ]);
  return importFolder(path, { store: dry_run ? createDryRunStore(store) : store, now: epochSeconds }).catch((error) => {
    if (!(error instanceof ImportError)) throw error;
    throw invalidValue(error.message, "folder");
  });
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}

const epochSeconds = (): number => Math.floor(Date.now() / 1000);
