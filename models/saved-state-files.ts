// How the files are called that hold the state of idle conversations: engines write them, and `ingle check` knows them.

/** The folder in the data folder; in it there is one for each model, named as that of its weights. */
export const KV_CACHE_FOLDER = "kv-cache";

/** Of finished ones: the embedded engine's and llama-server's. Neither reads the other's. */
export type SavedStateExtension = ".kv" | ".slot";

/** A finished one. */
export const SAVED_STATE_FILE = /^[0-9a-f]{32}\.(kv|slot)$/;

/** One that is being written, or was when its engine was killed. */
export const UNFINISHED_STATE_FILE = /^\.[0-9a-f]{32}\.\d+\.\d+\.tmp$/;
