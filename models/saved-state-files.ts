// Names of the files with saved states of conversations: engines write them, and `ingle check` knows them.

/** In the data folder; with a folder for each model, named as that of its weights. */
export const KV_CACHE_FOLDER = "kv-cache";

/** The embedded engine writes `.kv`, llama-server `.slot`; neither reads the other's. */
export type SavedStateExtension = ".kv" | ".slot";

/** A state that is whole. The first digits stand for the API key whose conversation it is, the others for the state. */
export const SAVED_STATE_FILE = /^[0-9a-f]{32}-[0-9a-f]{32}\.(kv|slot)$/;

/** A state that is being written, or was when its engine was killed. */
export const UNFINISHED_STATE_FILE = /^\.[0-9a-f]{32}-[0-9a-f]{32}\.\d+\.\d+\.tmp$/;

/** What older releases have left: nobody knows whose conversation it is. */
export const STATE_FILE_WITHOUT_KEY = /^([0-9a-f]{32}\.(kv|slot)|\.[0-9a-f]{32}\.\d+\.\d+\.tmp)$/;
