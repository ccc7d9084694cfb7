// The file of a lock: there is one or none at any moment, it is whole, and one process at a time may replace a stale one.
import { randomUUID } from "node:crypto";
import { link, open, rename, rm, stat } from "node:fs/promises";
import { isDiskFull } from "../../../models/system-code.ts";
import { systemCodeOf } from "../../../models/system-code.ts";
import { isHeld, LockedError, readHolder, touchedAt, type Holder } from "./holder.ts";

/** Each try is lost to another process that took the lock, or gave it back, in between. */
const MOST_TRIES = 20;

/** Holders for whose names the disk had no room. */
const withEmptyLock = new WeakSet<Holder>();

/** Makes `own` the holder. Throws `LockedError` where another process is, or is about to be. */
export async function takeLockFile(path: string, own: Holder, stale_ms: number): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    if (await createLockFile(path, own)) return;
    const holder = await readHolder(path);
    // Gone in the meantime, rather than made by another program.
    if (holder === undefined && (await isAbsent(path))) continue;
    await refuseHeld(path, holder, own, stale_ms);
    if (await replaceStale(path, holder, own, stale_ms)) return;
  }
  throw new Error(`The lock ${path} cannot be taken. Remove it by hand if no ingle runs.`);
}

async function refuseHeld(path: string, holder: Holder | undefined, own: Holder, stale_ms: number): Promise<void> {
  if (await isHeld(path, holder, stale_ms)) throw new LockedError(holder ?? { ...own, command: "…", pid: 0 });
}

/**
 * Takes the place of a stale lock; false where it is not there any more. Without the claim a process that read the stale lock long
 * ago would replace the new lock of a faster one (test "a stale lock that many processes want").
 */
async function replaceStale(path: string, stale: Holder | undefined, own: Holder, stale_ms: number): Promise<boolean> {
  const claim = await claimStale(path, stale?.token ?? "unreadable", own, stale_ms);
  try {
    if ((await readHolder(path))?.token !== stale?.token) return false;
    const there = await stat(path).catch(() => undefined);
    if (there?.isDirectory()) await rename(path, `${path}.${randomUUID()}`);
    if (await isAbsent(path)) return false;
    await overwriteLockFile(path, own);
    return true;
  } finally {
    await removeLockFile(claim, own);
  }
}

/**
 * Creates the file that allows its maker to replace the lock of a token. Where the maker was killed, the right passes to the process
 * that claims the maker's token (test "also where a process died that was about to take it").
 */
async function claimStale(path: string, token: string, own: Holder, stale_ms: number): Promise<string> {
  for (;;) {
    const claim = `${path}.${token}.stale`;
    if (await createLockFile(claim, own)) return claim;
    const claimant = await readHolder(claim);
    if (claimant === undefined && (await isAbsent(claim))) continue;
    await refuseHeld(claim, claimant, own, stale_ms);
    token = claimant?.token ?? `${token}-unreadable`;
  }
}

/** Puts `own` in the place of what is there. */
export async function overwriteLockFile(path: string, own: Holder): Promise<void> {
  const staged = `${path}.${own.token}`;
  try {
    await writeHolder(staged, own);
    await rename(staged, path);
  } finally {
    await rm(staged, { force: true });
  }
}

/** Removes the lock, unless it is another's by now. */
export async function removeLockFile(path: string, own: Holder): Promise<void> {
  // What cannot be read or removed now stays, and is stale when this process has ended.
  if (await isOwnLock(path, own).catch(() => false)) await rm(path, { force: true }).catch(() => {});
}

export async function isOwnLock(path: string, own: Holder): Promise<boolean> {
  const holder = await readHolder(path);
  return holder === undefined ? withEmptyLock.has(own) && !(await isAbsent(path)) : holder.token === own.token;
}

/** False where the lock is there already. Never half written: the file gets its name when it is whole. */
export async function createLockFile(path: string, own: Holder): Promise<boolean> {
  const staged = `${path}.${own.token}`;
  try {
    await writeHolder(staged, own);
    await link(staged, path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "EEXIST") return false;
    // A file system without hard links.
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(systemCodeOf(error))) throw error;
    return await writeHolder(path, own).then(() => true, falseIfExists);
  } finally {
    await rm(staged, { force: true });
  }
}

function falseIfExists(error: unknown): false {
  if (systemCodeOf(error) !== "EEXIST") throw error;
  return false;
}

async function writeHolder(path: string, holder: Holder): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(holder, null, 2)}\n`);
  } catch (error) {
    // On a full disk "ingle rm" is the remedy: an empty lock is respected while it is touched.
    if (holder.command !== "rm" || !isDiskFull(error)) throw error;
    withEmptyLock.add(holder);
  } finally {
    await handle.close();
  }
}

export async function isAbsent(path: string): Promise<boolean> {
  return (await touchedAt(path)) === undefined;
}
