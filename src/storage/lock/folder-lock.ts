// One writer a data folder: a file that names its holder, is touched while the holder lives, and is taken over when it does not.
import { utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { folderIdOf, isHeld, readHolder, thisProcess, type Holder } from "./holder.ts";
import { createLockFile, isAbsent, overwriteLockFile, removeLockFile, takeLockFile } from "./lock-file.ts";
import { sweepLeftovers } from "./leftovers.ts";

const HEARTBEAT_MS = 2_000;
/** A holder that is alive touches its lock several times in this. */
const STALE_MS = 10_000;

export interface FolderLock {
  token: string;
  /** Tells other commands where the API is. */
  announce(url: string): Promise<void>;
  /** False once the lock was found to be another's: from then on nothing may be written. */
  held(): boolean;
  /** Gives it back, unless it is another's by now. */
  release(): Promise<void>;
}

export interface LockOptions {
  command: string;
  /** The lock was lost: somebody deleted it and another process has taken it. */
  onLost?: (holder: Holder | undefined) => void;
  heartbeat_ms?: number;
  stale_ms?: number;
}

/** Takes the lock of the file `path`, whose folder must be there. Throws `LockedError`. */
export async function takeFolderLock(path: string, options: LockOptions): Promise<FolderLock> {
  const { command, onLost = () => {}, heartbeat_ms = HEARTBEAT_MS, stale_ms = STALE_MS } = options;
  const own: Holder = { ...thisProcess(command), folder: await folderIdOf(dirname(path)) };
  await takeLockFile(path, own, stale_ms);
  await sweepLeftovers(path);

  let held = true;
  let ended = false;
  let beating = Promise.resolve();
  const lose = (holder: Holder | undefined): void => {
    if (!held || ended) return;
    held = false;
    clearInterval(timer);
    onLost(holder);
  };
  const beat = async (): Promise<void> => {
    const there = await readHolder(path);
    if (there?.token === own.token) return utimes(path, new Date(), new Date());
    // Deleted by hand: taken again, if nobody was faster.
    if (there === undefined && (await isAbsent(path)) && (await createLockFile(path, own))) return;
    lose(await readHolder(path));
  };
  // What the disk refuses now it may grant at the next beat.
  const timer = setInterval(() => void (beating = beating.then(beat).catch(() => {})), heartbeat_ms);
  timer.unref();

  return {
    token: own.token,
    async announce(url) {
      if (!held) return;
      own.url = url;
      await overwriteLockFile(path, own);
    },
    held: () => held,
    async release() {
      ended = true;
      clearInterval(timer);
      await beating;
      await removeLockFile(path, own);
    },
  };
}

/** Who holds the lock, if the holder is alive; nothing is changed. */
export async function holderOf(path: string, stale_ms = STALE_MS): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  return holder !== undefined && (await isHeld(path, holder, stale_ms)) ? holder : undefined;
}
