// What the parts of one import share.
import type { Store } from "../storage/store.ts";
import type { Layout } from "./layout.ts";
import { LINK, UnreadableError } from "./old-folder.ts";
import type { Item, Notes } from "./report.ts";

/** Where what is imported goes. */
export interface ImportTarget {
  store: Store;
  /** Seconds since 1970. */
  now: () => number;
}

export interface Job extends Layout {
  store: Store;
  notes: Notes;
  /** Milliseconds since 1970, the same for all of it. */
  now: number;
}

/** The names of the folders in one of the old folders. What is there and is not looked into is noted as skipped. */
export async function foldersIn({ folder, notes }: Job, path: string, kind: Item["kind"]): Promise<string[]> {
  try {
    const entries = await folder.list(path);
    for (const { name } of entries.filter((entry) => entry.kind === "other")) {
      notes.skipped({ kind, old_id: name, path: `${path}/${name}` }, LINK);
    }
    return entries.filter((entry) => entry.kind === "folder").map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    notes.skipped({ kind, old_id: null, path }, error.message);
    return [];
  }
}
