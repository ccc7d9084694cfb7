// What stands at the root of a data folder, beside the folders of its records and models.

/** Says which layout the folder has. */
export const MARKER = "ingle.json";
export const LOCK_FILE = "ingle.lock";
/** What was typed in conversations of `ingle run`. */
export const HISTORY_FILE = "history";
/** Holds what `ingle check --fix` has moved out of the way. */
export const SET_ASIDE = "set-aside";

/** The folders of the records, one for each collection. */
export const COLLECTIONS = ["threads", "messages", "assistants", "models", "downloads"] as const;

/** Names that an ingle without a marker has left, and those that a disk or a file manager brings along. */
export const NOT_FOREIGN = /^(models|weights|lost\+found|\.DS_Store|desktop\.ini|ingle\.lock.*|\..*\.tmp)$/;

/** Whether a folder with these names in it is a data folder; one of an early ingle has no marker. */
export function isDataFolder(names: string[]): boolean {
  return names.includes(MARKER) || (names.includes("models") && names.every((name) => NOT_FOREIGN.test(name)));
}
