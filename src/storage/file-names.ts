// The files that stand at the root of a data folder, beside the folders of its records.

/** Says which layout the folder has. */
export const MARKER = "ingle.json";
export const LOCK_FILE = "ingle.lock";
