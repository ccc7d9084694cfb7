// What stands at the root of a data folder, beside the folders of its records and models.

/** Says which layout the folder has. */
export const MARKER = "ingle.json";
export const LOCK_FILE = "ingle.lock";
/** Holds what `ingle check --fix` has moved out of the way. */
export const SET_ASIDE = "set-aside";
