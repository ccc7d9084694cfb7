// What processes leave beside a lock when they are killed amid taking it (its file before it had its name, and claims on stale ones)
// or amid proving that they are in its folder.
import { lstat, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PROOF } from "./folder-proof.ts";
import { isAbandoned, readHolder } from "./holder.ts";

// Behind the name of the lock: a claim, or a file that has no name yet and ends in the token of its maker.
const LEFTOVER = /^(?:\.[\w-]{1,64}\.stale)*(?:\.[\w-]{1,64}\.stale|\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/;

/**
 * Removes the leftovers of makers that have ended. For the holder of the lock alone: a claim on an earlier lock is of no use any
 * more. What the disk refuses is left to the next holder.
 */
export async function sweepLeftovers(path: string): Promise<void> {
  const [folder, lock] = [dirname(path), basename(path)];
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(`${lock}.`)) await sweepFile(join(folder, name), name.slice(lock.length)).catch(() => {});
  }
}

async function sweepFile(path: string, ending: string): Promise<void> {
  // Folders that were in the way of a lock lie here too.
  const there = await lstat(path);
  if (!there.isFile() || !(LEFTOVER.test(ending) || PROOF.test(ending))) return;
  // A proof was made for an earlier holder, which cannot ask for it any more.
  if (PROOF.test(ending) || isAbandoned(await readHolder(path), there.mtimeMs)) await rm(path, { force: true });
}
