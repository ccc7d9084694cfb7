// Names that survive a power cut.
import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** Makes the names in a folder survive a power cut. */
export async function fsyncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(windowsCannot);
  if (!handle) return;
  try {
    await handle.sync().catch(windowsCannot);
  } finally {
    // What was synced is on the disk, whatever becomes of the handle: nobody waits for that.
    handle.close().catch(() => {});
  }
}

function windowsCannot(error: NodeJS.ErrnoException): void {
  const windows = constants.O_NOFOLLOW === undefined;
  if (!windows || !["EPERM", "EACCES", "EISDIR"].includes(error.code ?? "")) throw error;
}
