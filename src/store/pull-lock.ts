// One process at a time fetches a model: a file that names its holder and is touched while the holder lives.
import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import * as v from "valibot";

const HEARTBEAT_MS = 5_000;
const STALE_MS = 60_000;

const Holder = v.object({ pid: v.number(), host: v.string(), token: v.string() });
type Holder = v.InferOutput<typeof Holder>;

/** The lock is another's: `pid` is the holder's, where it could be read. */
export class LockedError extends Error {
  override readonly name = "LockedError";
  readonly pid: number | undefined;

  constructor(path: string, pid: number | undefined) {
    super(`${path} is held by process ${pid ?? "unknown"}.`);
    this.pid = pid;
  }
}

/**
 * Takes the lock and answers with what gives it back. A lock whose process has died, or that nobody has touched for a minute, is
 * taken over. Throws `LockedError`.
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  const token = randomUUID();
  if (!(await create(path, token))) {
    await setAsideStale(path);
    if (!(await create(path, token))) throw new LockedError(path, (await readHolder(path))?.pid);
  }
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS);
  return async () => {
    clearInterval(heartbeat);
    if ((await readHolder(path))?.token === token) await rm(path, { force: true });
  };
}

async function create(path: string, token: string): Promise<boolean> {
  try {
    const handle = await open(path, "wx", 0o600);
    await handle.writeFile(JSON.stringify({ pid: process.pid, host: hostname(), token } satisfies Holder));
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Renamed, then looked at again: of two that found the same stale lock, the second may have caught the first one's new one. */
async function setAsideStale(path: string): Promise<void> {
  const found = await readHolder(path);
  if (!(await isStale(path, found))) throw new LockedError(path, found?.pid);
  const aside = `${path}.${randomUUID()}`;
  await rename(path, aside).catch(() => {});
  const caught = await readHolder(aside);
  if (caught && caught.token !== found?.token) {
    await rename(aside, path);
    throw new LockedError(path, caught.pid);
  }
  await rm(aside, { force: true });
}

async function isStale(path: string, holder: Holder | undefined): Promise<boolean> {
  // In another container or on another machine the pid means nothing: there only the heartbeat tells.
  if (holder?.host === hostname() && !isAlive(holder.pid)) return true;
  const touched = await stat(path).then(
    (s) => s.mtimeMs,
    () => 0,
  );
  return Date.now() - touched > STALE_MS;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // alive, and somebody else's
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return v.parse(Holder, JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined; // absent, or not yet written by the one who just created it
  }
}
