// The file of a lock: there is one or none at any moment, it is whole, and a stale one has one heir.
import { randomUUID } from "node:crypto";
import { link, open, rename, rm, stat } from "node:fs/promises";
import { isHeld, LockedError, readHolder, touched, type Holder } from "./holder.ts";

/** Each is lost to somebody who took it, or gave it back, in between. */
const MOST_TRIES = 20;

/** Makes `own` the holder. Throws `LockedError` where somebody else is, or is about to be. */
export async function seize(path: string, own: Holder, stale_ms: number): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    if (await create(path, own)) return;
    const holder = await readHolder(path);
    // Gone in the meantime, or made by somebody who was not ingle.
    if (holder === undefined && (await isAbsent(path))) continue;
    if (await isHeld(path, holder, stale_ms)) throw new LockedError(holder ?? { ...own, command: "…", pid: 0 });
    if (await replace(path, holder, own, stale_ms)) return;
  }
  throw new Error(`The lock ${path} cannot be taken. Remove it by hand if no ingle runs.`);
}

/**
 * Takes the place of a stale lock; false where it is not there any more. Of those who found the same one only the holder of a lock
 * on it may: whoever looked long ago would otherwise take the new lock of the first one for the stale one.
 */
async function replace(path: string, stale: Holder | undefined, own: Holder, stale_ms: number): Promise<boolean> {
  const claim = `${path}.${stale?.token ?? "unreadable"}.stale`;
  await seize(claim, own, stale_ms);
  try {
    if ((await readHolder(path))?.token !== stale?.token) return false;
    if (await isFolder(path)) await rename(path, `${path}.${randomUUID()}`);
    if (await isAbsent(path)) return false;
    await overwrite(path, own);
    return true;
  } finally {
    await giveBack(claim, own);
  }
}

/** In the place of what is there. */
export async function overwrite(path: string, own: Holder): Promise<void> {
  const fresh = `${path}.${own.token}`;
  try {
    await write(fresh, own);
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
}

/** Unless it is another's by now. */
export async function giveBack(path: string, own: Holder): Promise<void> {
  // What cannot be read now stays, and is stale when this process has ended.
  const holder = await readHolder(path).catch(() => undefined);
  if (holder?.token === own.token) await rm(path, { force: true });
}

/** False where the lock is there already. Never half written: it gets its name when it is whole. */
export async function create(path: string, own: Holder): Promise<boolean> {
  const fresh = `${path}.${own.token}`;
  try {
    await write(fresh, own);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
  try {
    await link(fresh, path);
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    // A file system without hard links.
    if (["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(code)) return write(path, own).then(() => true, exists);
    throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}

function exists(error: NodeJS.ErrnoException): false {
  if (error.code !== "EEXIST") throw error;
  return false;
}

async function write(path: string, holder: Holder): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(holder, null, 2)}\n`);
  } finally {
    await handle.close();
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (there) => there.isDirectory(),
    () => false,
  );
}

export async function isAbsent(path: string): Promise<boolean> {
  return (await touched(path)) === undefined;
}
