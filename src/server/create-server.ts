// The composition root: from settings to a working application. `serve`, the other commands and the package all begin here. What is imported
// here is there before a server listens: what its handlers use is in `server-parts.ts`.
import { randomBytes } from "node:crypto";
import type { Adapter } from "../../adapters/adapter.ts";
import { adapterNamed } from "../../adapters/registry.ts";
import type { OwnModel } from "../../models/own-model.ts";
import { beginApp, type App, type AppBeginning } from "./app.ts";
import type { Config } from "./settings.ts";
import type { ServerParts } from "./server-parts.ts";
import { ApiError, invalidValue } from "../http/errors.ts";
import type { GuardOptions } from "../http/middleware/guards.ts";
import { epochSeconds } from "../support/epoch-seconds.ts";
import { createRequestIds } from "../support/ids.ts";
import type { Library } from "../library/library.ts";
import type { Log } from "../support/log/log.ts";
import { onceDone } from "../support/once-done.ts";
import { createTrustedProxies } from "../support/trusted-proxies.ts";
import { createFolderProof } from "../storage/lock/folder-proof.ts";
import type { Store } from "../storage/store.ts";
import { openDataFolder, readDataFolder, type DataFolder } from "../storage/data-folder.ts";
import { openLog } from "./open-log.ts";

export interface RunningServer {
  app: App;
  /** Whether a model is installed. */
  hasModels(): Promise<boolean>;
  library(): Promise<Library>;
  log: Log;
  /** The key of the commands of the server's owner. */
  operator_key: string;
  /** Tells other commands where this one serves the API. */
  announceUrl(url: string): Promise<void>;
  /** Goes on with the downloads of an earlier server. */
  resumeDownloads(): Promise<void>;
  /** Imports the code of the usual requests, so that the first of them find it there. */
  loadHandlers(): Promise<void>;
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
  const { store, lock } = folder;
  const models = options.models ?? (options.adapter === undefined ? adapterNamed(config.adapter)?.models : undefined);
  let parts: ServerParts | undefined;
  let closed = false;
  const operator_key = randomBytes(32).toString("base64url");
  const beginning: AppBeginning = {
    guards: guardOptions(config, options.wide ?? false, operator_key),
    store,
    importFolder: (path, dry_run) => importInto(store, path, dry_run),
    sealKey: lock && createFolderProof(config.data, operator_key, store.isThere),
    log,
    log_requests: options.log_requests ?? false,
  };
  const loadParts = onceDone(async () => {
    const { createServerParts } = await import("./server-parts.ts");
    if (closed) throw new ApiError(503, "The server is stopping.", { code: "server_stopping" });
    return (parts = createServerParts({ folder, config, models, beginning, options }));
  });
  const { app, load } = beginApp(beginning, async () => (await loadParts()).app_options);
  return {
    app,
    hasModels: async () => (models ?? (await store.models.ids())).length > 0,
    library: async () => (await loadParts()).library,
    log,
    operator_key,
    guarantee: folder.guarantee,
    resumeDownloads: async () => (await loadParts()).resumeDownloads(),
    loadHandlers: load,
    announceUrl: async (url) => lock?.announceUrl(url),
    async close(grace_ms) {
      closed = true;
      await parts?.close(grace_ms);
      await folder.close();
    },
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
