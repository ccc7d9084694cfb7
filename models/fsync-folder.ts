import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** Makes the names in a folder survive a power cut (https://man7.org/linux/man-pages/man2/fsync.2.html). */
export async function fsyncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(windowsCannot);
  if (!handle) return;
  try {
    await handle.sync().catch(windowsCannot);
  } finally {
    // The names are on the disk, so that a failed close changes nothing.
    handle.close().catch(() => {});
  }
}

function windowsCannot(error: NodeJS.ErrnoException): void {
  const windows = constants.O_NOFOLLOW === undefined;
  if (!windows || !["EPERM", "EACCES", "EISDIR"].includes(error.code ?? "")) throw error;
}
