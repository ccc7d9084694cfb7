// What processes leave beside a lock when they are killed amid taking it (its file before it had its name, and claims on stale ones)
// or amid proving that they are in its folder.
import { lstat, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isLeft, readHolder, type Holder } from "./holder.ts";
import { PROOF } from "./folder-proof.ts";
import { giveBack, seize } from "./lock-file.ts";

// Behind the name of the lock: of a claim, and of a file that has no name yet, which ends in the token of its maker.
const CLAIM = /^(?:\.[\w-]{1,64}\.stale)+$/;
const UNNAMED = /^(?:\.[\w-]{1,64}\.stale)*\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Removes those that belong to nobody. For the holder of the lock alone. What the disk refuses is left to the next holder. */
export async function sweepLeftovers(path: string, own: Holder, stale_ms: number): Promise<void> {
  const [folder, lock] = [dirname(path), basename(path)];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(`${lock}.`)) continue;
    const [rest, place] = [name.slice(lock.length), join(folder, name)];
    // Whoever made one for an earlier holder waits for an answer of that one.
    if (PROOF.test(rest)) await rm(place, { force: true }).catch(() => {});
    else if (CLAIM.test(rest)) await sweep(place, () => takeAway(place, own, stale_ms)).catch(() => {});
    // Nobody else ever uses that name: the token in it is another one at each start.
    else if (UNNAMED.test(rest)) await sweep(place, () => rm(place, { force: true })).catch(() => {});
  }
}

async function sweep(place: string, remove: () => Promise<void>): Promise<void> {
  // Folders that were in the way of a lock lie here too.
  const there = await lstat(place);
  if (there.isFile() && isLeft(await readHolder(place), there.mtimeMs)) await remove();
}

/** Others may want a claim at this very moment: it is taken as they take it, and given back. */
async function takeAway(claim: string, own: Holder, stale_ms: number): Promise<void> {
  await seize(claim, own, stale_ms);
  await giveBack(claim, own);
}
