// Work that makes what all processes of the tests share: one of them does it at a time.
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { takeFolderLock, type FolderLock } from "../../src/storage/lock/folder-lock.ts";
import { LockedError } from "../../src/storage/lock/holder.ts";

const EVERY_MS = 100;

/** Waits until no other process holds the lock of this path, whose folder is made. A process that was killed holds it no more. */
export async function oneAtATime<T>(lock_path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(lock_path), { recursive: true, mode: 0o700 });
  const lock = await waitForLock(lock_path);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function waitForLock(path: string): Promise<FolderLock> {
  for (;;) {
    const taken = await takeFolderLock(path, { command: "test" }).catch((error: Error) => error);
    if (!(taken instanceof Error)) return taken;
    if (!(taken instanceof LockedError)) throw taken;
    await sleep(EVERY_MS);
  }
}
