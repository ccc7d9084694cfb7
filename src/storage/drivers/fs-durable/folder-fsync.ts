// Names that survive a power cut: a folder is synced after each change of a name in it, once for all changes before.
import { systemCodeOf } from "../../../../models/system-code.ts";
import { uncertainWrite, type UncertainWriteError } from "../../faults.ts";
import type { FileSystem } from "./file-system.ts";

export function createFolderSyncs(files: Pick<FileSystem, "sync">) {
  const syncs = new Map<string, { running: Promise<void>; next?: Promise<void> }>();
  // The kernel may drop pages that it could not write and mark them clean: a second fsync of these names would lie
  // (https://wiki.postgresql.org/wiki/Fsync_Errors).
  const uncertain = new Set<string>();

  return { sync, syncName, noteUncertain, refuseUncertain };

  /** Syncs a folder in which the name of `path` has changed. Throws `UncertainWriteError`. */
  async function syncName(folder: string, path: string): Promise<void> {
    try {
      await sync(folder);
    } catch (error) {
      throw noteUncertain(path, uncertainWrite(path, error));
    }
  }

  /** Remembers that a change of the name of `path` may not be on the disk, and answers with the error. */
  function noteUncertain(path: string, error: UncertainWriteError): UncertainWriteError {
    // Too many open files: the fsync was not even tried, so that the next one can be trusted.
    if (!["EMFILE", "ENFILE"].includes(systemCodeOf(error.cause))) uncertain.add(path);
    return error;
  }

  /** Throws where an earlier change of this name may not be on the disk: an answer about the next one could be wrong. */
  function refuseUncertain(path: string): void {
    if (uncertain.has(path)) throw new Error(`An earlier change of ${path} may not be on the disk. Restart the server.`);
  }

  /** Makes the names in a folder last. One sync serves all names that were there before it began: calls that come while one runs share the next. */
  function sync(folder: string): Promise<void> {
    const state = syncs.get(folder);
    if (state === undefined) {
      const running = files.sync(folder).finally(() => {
        if (syncs.get(folder)!.next === undefined) syncs.delete(folder);
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
