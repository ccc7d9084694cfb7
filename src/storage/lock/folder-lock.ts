// One writer a data folder: the lock file names its holder, is touched while the holder lives, and is taken over when it has ended.
import { lstat, readdir, rm, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { makeSpare, PROOF, removeSpare } from "./folder-proof.ts";
import { isAbandoned, isHeld, readHolder, thisProcess, type Holder } from "./holder.ts";
import { folderIdOf } from "../../../models/folder-id.ts";
import type { IsThere } from "../folder-identity.ts";
import { createLockFile, isAbsent, isOwnLock, overwriteLockFile, removeLockFile, takeLockFile } from "./lock-file.ts";

const HEARTBEAT_MS = 2_000;
/** A living holder touches its lock several times within this. */
const STALE_MS = 10_000;

// What processes leave behind the name of a lock when they are killed amid taking it: claims on stale ones, and files that have no name
// yet and end in the token of their makers.
const LEFTOVER = /^(?:\.[\w-]{1,64}\.stale)*(?:\.[\w-]{1,64}\.stale|\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/;

export interface FolderLock {
  token: string;
  /** The folder that is locked, as `folderIdOf` names it. */
  folder_id: string;
  /** Writes into the lock where the API is, for other commands. */
  announceUrl(url: string): Promise<void>;
  /** Looks at the lock now, and answers what `held` does. */
  confirm(): Promise<boolean>;
  /** False once the lock was released, or found to be another process's: from then on nothing may be written. */
  held(): boolean;
  /** Removes the lock, unless it is another process's by now. */
  release(): Promise<void>;
}

interface LockOptions {
  command: string;
  /** The lock was deleted by hand and another process has taken it. */
  onLost?: (holder: Holder | undefined) => void;
  /** Whether the folder of the lock is still the one in which it was taken; absent: it is. */
  isThere?: IsThere;
  heartbeat_ms?: number;
  stale_ms?: number;
}

/** Takes the lock of the file `path`, whose folder must be there. Throws `LockedError`. */
export async function takeFolderLock(path: string, options: LockOptions): Promise<FolderLock> {
  const { command, onLost = () => {}, isThere = async () => true, heartbeat_ms = HEARTBEAT_MS, stale_ms = STALE_MS } = options;
  const folder_id = await folderIdOf(dirname(path));
  const own: Holder = { ...thisProcess(command), folder: folder_id };
  await takeLockFile(path, own, stale_ms);
  await sweepLeftovers(path);

  let held = true;
  let beating = Promise.resolve();
  const lose = (holder: Holder | undefined): void => {
    if (!held) return;
    held = false;
    clearInterval(timer);
    onLost(holder);
  };
  const beat = async (): Promise<void> => {
    // Nothing is touched or made in another folder at that path.
    if (!(await isThere())) return;
    if (await isOwnLock(path, own)) return utimes(path, new Date(), new Date());
    const absent = await isAbsent(path);
    // Another folder may have come since the first look, and again amid the making of a new file.
    if (!(await isThere())) return;
    // A lock that was deleted by hand is taken again, unless another process was faster.
    if (!absent || !(await createLockFile(path, own))) return lose(await readHolder(path));
    if (!(await isThere())) await removeLockFile(path, own);
  };
  // A beat that the disk refuses is repeated by the next one.
  const beatNow = (): Promise<void> => (beating = beating.then(beat).catch(() => {}));
  const timer = setInterval(beatNow, heartbeat_ms);
  timer.unref();

  return {
    token: own.token,
    folder_id,
    async announceUrl(url) {
      if (!held) return;
      own.url = url;
      await overwriteLockFile(path, own);
      await makeSpare(dirname(path));
    },
    async confirm() {
      if (held) await beatNow();
      return held;
    },
    held: () => held,
    async release() {
      held = false;
      clearInterval(timer);
      await beating;
      if (!(await isThere())) return;
      if (own.url !== undefined && (await isOwnLock(path, own).catch(() => false))) await removeSpare(dirname(path));
      await removeLockFile(path, own);
    },
  };
}

/** The holder of the lock, if it is alive and holds this folder; the lock is not changed. */
export async function holderOf(path: string, stale_ms = STALE_MS): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  return holder !== undefined && (await isHeld(path, holder, stale_ms)) ? holder : undefined;
}

/**
 * Removes the leftovers of makers that have ended. For the holder of the lock alone: a claim on an earlier lock is of no use any
 * more. What the disk refuses is left to the next holder.
 */
async function sweepLeftovers(path: string): Promise<void> {
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
