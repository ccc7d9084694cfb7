// The parts of ingle, for programs that put them together in a way of their own. They may change with every minor version.
export { createApp, type App } from "./app.ts";
export type { AppOptions } from "./deps.ts";
export { createDownloads, type Downloads } from "./downloads.ts";
export { createEngines, type Engines, type EnginesOptions } from "./engines/engines.ts";
export { createFitting, type Fitting } from "./fit.ts";
export type { GuardOptions } from "./guards/guards.ts";
export { newId, requestIds } from "./ids.ts";
export { createLibrary, type Library } from "./library/library.ts";
export { createLog, type Log } from "./log.ts";
export { openDataFolder, type DataFolder, type DataFolderOptions } from "./store/data-folder.ts";
export { loadDriver } from "./store/drivers.ts";
export { createStore, type Store, type StoreOptions } from "./store/store.ts";
