// The parts of ingle, for programs that assemble them differently. The exports may change with every minor version.
import "./launch/require-node.mjs";
export { createApp, type App } from "./server/app.ts";
export type { AppOptions } from "./api/deps.ts";
export { createDownloadJobs, type DownloadJobs } from "./library/download-jobs.ts";
export { createModelPool, type ModelPool, type ModelPoolOptions } from "./inference/model-pool.ts";
export { createMemoryEstimator, type MemoryEstimator } from "./inference/memory-estimator.ts";
export type { GuardOptions } from "./http/middleware/guards.ts";
export { newId, createRequestIds as requestIds } from "./support/ids.ts";
export { createLibrary, type Library } from "./library/library.ts";
export { createLog, type Log } from "./support/log/log.ts";
export { openDataFolder, type DataFolder, type DataFolderOptions } from "./storage/data-folder.ts";
export { loadDriver } from "./storage/drivers.ts";
export { createStore, type Store, type StoreOptions } from "./storage/store.ts";
