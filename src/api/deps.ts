// What the application is made of, and what its routes get of that.
import type { Context } from "hono";
import type { Adapter } from "../../adapters/adapter.ts";
import type { GraphicsCard } from "../../models/graphics-cards.ts";
import type { Model } from "../../models/manifest.ts";
import type { DownloadJobs } from "../library/download-jobs.ts";
import type { ModelPool } from "../inference/model-pool.ts";
import type { AppEnv } from "../http/app-env.ts";
import type { ApiError } from "../http/errors.ts";
import type { ModelFileFacts, MemoryEstimator } from "../inference/memory-estimator.ts";
import type { GuardOptions } from "../http/middleware/guards.ts";
import type { Library } from "../library/library.ts";
import type { TemplateNotes } from "../inference/template-notes.ts";
import type { Log } from "../support/log/log.ts";
import type { SealKey } from "../storage/lock/folder-proof.ts";
import type { Store } from "../storage/store.ts";

export interface AppOptions {
  guards: GuardOptions;
  library: Omit<Library, "add" | "install" | "fetchRemoteFacts">;
  downloads: DownloadJobs;
  /** Absolute path of the folder whose files every caller may use in place. */
  models_dir?: string | undefined;
  /** Plain http and private addresses may be named as sources. */
  allow_private?: boolean;
  /** Hosts that may be named as sources over plain http too. */
  download_hosts?: readonly string[];
  /** Whether models fit in memory; absent where nothing is known of that. */
  estimator?: MemoryEstimator;
  /** The graphics cards that the engine of a model may fill; absent: none. Never rejects. */
  cardsOf?: (model: Model) => Promise<readonly GraphicsCard[]>;
  /** Tokens a second of an answer in main memory, where that was measured. */
  answerSpeed?: (model: Model) => number | undefined;
  /** `Library.fetchRemoteFacts`, with the sources as they are set up; absent where nothing is to be dialled. */
  fetchRemoteFacts?: (id: string, signal: AbortSignal) => Promise<ModelFileFacts>;
  store: Store;
  pool: ModelPool;
  /** Takes in an old data folder, or reports what it would take; absent where that is not offered. Throws a sentence about the folder. */
  importFolder?: (folder: string, dry_run: boolean) => Promise<object>;
  /** How this machine's commands show that they are in the server's data folder; absent where it has none of its own. */
  sealKey?: SealKey | undefined;
  /** The adapter that runs a model, and the parts of the API that it honours. */
  adapterOf: (model: Model) => Pick<Adapter, "name" | "capabilities" | "options" | "passedOver">;
  /** What models can by their chat templates; absent where nothing is to be found out of that. */
  templates?: Pick<TemplateNotes, "of" | "ask" | "withNote">;
  /** A sentence about adapters that do not compute on this machine; undefined where there is none. */
  adapterNotice?: (() => string | undefined) | undefined;
  /** What is known of the speed of the engines between which is chosen, as it is answered. */
  engineSpeeds?: () => readonly object[];
  log: Log;
  /** Whether each request is a line of the log. */
  log_requests?: boolean;
  version: string;
  /** The release of llama.cpp that this ingle runs and builds; undefined where its packages are not here. */
  llamaCppRelease?: () => string | undefined;
  /** The model of requests that name none. */
  default_model?: string | undefined;
  /** Whether to stream where a request does not say: the published API does. */
  stream_default: boolean;
  /** Makes an id that begins with `prefix`. */
  newId: (prefix: string) => string;
  /** 32 random bits. */
  newSeed: () => number;
  /** Whole seconds since 1970. */
  now: () => number;
}

export interface Deps extends AppOptions {
  /** Logs an error that the client got. */
  onError: (error: ApiError, c: Context<AppEnv>) => void;
}
