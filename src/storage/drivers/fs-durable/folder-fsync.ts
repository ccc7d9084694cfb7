// Names that survive a power cut: a folder is synced after each change of a name in it, once for all who changed one before.
import { codeOf, inDoubt, type DoubtError } from "../../faults.ts";
import type { Files } from "./file-system.ts";

export interface FolderSyncs {
  /** Makes the names in a folder last. */
  sync(folder: string): Promise<void>;
  /** Syncs a folder in which the name of `path` has changed. Throws `DoubtError`. */
  durably(folder: string, path: string): Promise<void>;
  /** Notes what a change of the name of `path` has ended with, and answers with it. */
  doubted(path: string, error: DoubtError): DoubtError;
  /** Throws where a change of this name was called into doubt: whatever is said of the next one could be wrong. */
  refuseDoubtful(path: string): void;
}

export function createFolderSyncs(files: Pick<Files, "sync">): FolderSyncs {
  const syncs = new Map<string, { running: Promise<void>; next?: Promise<void> }>();
  // The kernel may drop what it could not write and call it written: a second fsync of these would lie.
  const doubtful = new Set<string>();

  return { sync, durably, doubted, refuseDoubtful };

  async function durably(folder: string, path: string): Promise<void> {
    try {
      await sync(folder);
    } catch (error) {
      throw doubted(path, inDoubt(path, error));
    }
  }

  function doubted(path: string, error: DoubtError): DoubtError {
    // Too many open files: it was not even tried, so that the next one tells the truth.
    if (!["EMFILE", "ENFILE"].includes(codeOf(error.cause))) doubtful.add(path);
    return error;
  }

  function refuseDoubtful(path: string): void {
    if (doubtful.has(path)) throw new Error(`An earlier change of ${path} may not be on the disk. Restart the server.`);
  }

  /** One sync serves all whose names were there before it began: those who come while one runs share the next. */
  function sync(folder: string): Promise<void> {
    const state = syncs.get(folder);
    if (state === undefined) {
      const running = files.sync(folder).finally(() => {
        const { next } = syncs.get(folder)!;
        if (next === undefined) syncs.delete(folder);
      });
      syncs.set(folder, { running });
      return running;
    }
    state.next ??= state.running
      .catch(() => {})
      .then(() => {
        syncs.delete(folder);
        return sync(folder);
      });
    return state.next;
  }
}
