// From settings to a working application: store, library, engines, guards and routes, put together once for every command that answers.
import { getRandomValues, randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import type { Adapter } from "../../adapters/adapter.ts";
import manifest from "../../package.json" with { type: "json" };
import { adapterNamed } from "../../adapters/registry.ts";
import { slotsOfUpstream } from "../../adapters/upstream/upstream-config.ts";
import type { OwnModel } from "../../models/own-model.ts";
import { createApp, type App } from "./app.ts";
import { KV_CACHE_FOLDER } from "../../models/saved-state-files.ts";
import { sourceOptions } from "./read-config.ts";
import type { Config } from "./settings.ts";
import { createDownloadJobs } from "../library/download-jobs.ts";
import { createModelPool, type ModelPool } from "../inference/model-pool.ts";
import { ApiError } from "../http/errors.ts";
import { createMemoryEstimator } from "../inference/memory-estimator.ts";
import { newId, requestIds } from "../support/ids.ts";
import { ImportError } from "../import/old-folder.ts";
import { createLibrary, type Library } from "../library/library.ts";
import { createLog, type Log } from "../support/log.ts";
import { encodeKey } from "../storage/encode-key.ts";
import { createFolderProof } from "../storage/lock/folder-proof.ts";
import { openDataFolder, readDataFolder, type DataFolder } from "../storage/data-folder.ts";
import { createAdapters, type Adapters } from "./adapters.ts";
import { createFixedLibrary } from "../library/fixed-library.ts";
import { memoryBudget } from "./machine-memory-budget.ts";
import { standardError } from "./standard-streams.ts";

export interface RunningServer {
  app: App;
  library: Library;
  log: Log;
  /** Opens what only the owner's own commands may do. */
  operator_key: string;
  /** Tells other commands where this one serves the API. */
  announceUrl(url: string): Promise<void>;
  /** Goes on with downloads that an earlier server was at. */
  resumeDownloads(): Promise<void>;
  /** What the store keeps of what was acknowledged. */
  guarantee: string;
  /** Lets running answers end for `grace_ms`, closes every engine, and lets go of the data folder. */
  close(grace_ms: number): Promise<void>;
}

export interface CreateServerOptions {
  /** The command it is for, for whoever finds the data folder in use. */
  command: string;
  /** Nothing is to be written: whoever else works in the data folder does not matter. */
  reads?: boolean;
  /** The server listens beyond loopback. */
  wide?: boolean;
  /** Takes the lines of the log; absent: standard error. */
  write?: ((line: string) => void) | undefined;
  /** Runs all models; absent: the one that the settings name. */
  adapter?: Adapter | undefined;
  /** All there is, of an adapter that needs no files; absent: what is in the data folder. */
  models?: readonly OwnModel[] | undefined;
}

/** Throws one sentence where the guards' settings are unsafe together, and where the data folder or its store cannot be had. */
export async function createServer(config: Config, options: CreateServerOptions): Promise<RunningServer> {
  const { command, reads = false, write = standardError.write } = options;
  const log = createLog(write);
  const place = { folder: config.data, store: config.store, no_init: config.no_init, log };
  const folder = reads ? await readDataFolder(place) : await openDataFolder({ ...place, command });
  try {
    return put(config, folder, log, options);
  } catch (error) {
    await folder.close();
    throw error;
  }
}

function put(
  config: Config,
  { store, lock, guarantee, close }: DataFolder,
  log: Log,
  options: CreateServerOptions,
): RunningServer {
  const { wide = false, adapter, models = adapter === undefined ? adapterNamed(config.adapter)?.models : undefined } = options;
  const operator_key = randomBytes(32).toString("base64url");
  const now = (): number => Math.floor(Date.now() / 1000);
  const kv_cache = join(config.data, KV_CACHE_FOLDER);
  const { slots, queue, threads, context } = config;
  const library =
    models !== undefined
      ? createFixedLibrary(models)
      : createLibrary({
          records: store.models,
          downloads: store.downloads,
          weights: join(config.data, "weights"),
          kv_cache,
          now,
        });
  const budget = memoryBudget(config.memory, () => pool.list());
  const estimator = models !== undefined ? undefined : createMemoryEstimator({ slots, context, budget });
  const sources = sourceOptions(config);
  const { adapterOf, notice }: Partial<Adapters> & Pick<Adapters, "adapterOf"> =
    adapter === undefined ? createAdapters(config, log) : { adapterOf: () => adapter };
  const pool: ModelPool = createModelPool({
    adapterOf,
    resolve: library.resolve,
    slots: (model) => slotsOfUpstream(model) ?? slots,
    queue,
    threads,
    context,
    ...(config.kv_cache > 0 && { kvCacheOf: ({ id }) => ({ folder: join(kv_cache, encodeKey(id)), bytes: config.kv_cache }) }),
    keep_alive: config.keep_alive,
    timeout: config.timeout,
    pinned: config.pin,
    memory: estimator && { need: async (model, load) => (model.upstream ? undefined : estimator.need(model, load)), budget },
    log,
  });
  const downloads = createDownloadJobs({ library, records: store.downloads, options: sources, now, log });
  const app = createApp({
    guards: {
      hosts: [...config.hosts, ...named(config.host)],
      wide,
      origins: config.origins,
      keys: config.key,
      operator_key,
      newRequestId: requestIds(),
    },
    store,
    library,
    pool: pool,
    downloads,
    importFolder: async (folder) => {
      const { importFolder } = await import("../import/import.ts");
      return importFolder(folder, { store, now }).catch((error) => {
        if (!(error instanceof ImportError)) throw error;
        throw new ApiError(400, error.message, { param: "folder", code: "invalid_value" });
      });
    },
    folderProof: lock && createFolderProof(config.data, lock.token),
    adapterOf,
    adapterNotice: notice,
    ...(estimator && { estimator }),
    fetchRemoteFacts: (id, signal) => library.fetchRemoteFacts(id, sources, signal),
    models_dir: config.models_dir && resolve(config.models_dir),
    allow_private: config.allow_private,
    log,
    version: manifest.version,
    default_model: config.model,
    stream_default: config.stream_default,
    newId,
    newSeed: () => getRandomValues(new Uint32Array(1))[0]!,
    now,
  });
  return {
    app,
    library,
    log,
    operator_key,
    guarantee,
    resumeDownloads: downloads.resume,
    announceUrl: async (url) => lock?.announceUrl(url),
    async close(grace_ms) {
      await downloads.close();
      await pool.close(grace_ms);
      await close();
    },
  };
}

/** Whoever listens at one address is called by it, by this machine's own commands too; the wildcards are no name. */
function named(host: string): string[] {
  return /^(0\.0\.0\.0|\[?::\]?)$/.test(host) ? [] : [host];
}
