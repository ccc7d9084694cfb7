// One writer a data folder: a file that names its holder, is touched while the holder lives, and is taken over when it does not.
import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { link, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";

const HEARTBEAT_MS = 2_000;
/** A holder that is alive touches its lock several times in this. */
const STALE_MS = 10_000;
const WATCH_STEP_MS = 250;
/** Beyond what the clocks of two machines differ by. */
const LONG_STALE_MS = 60_000;

/** Each is lost to somebody who took it, or gave it back, in between. */
const MOST_TRIES = 20;

export const LOCK_FILE = "ingle.lock";

const Holder = v.object({
  pid: v.number(),
  /** What the process does, as the command line names it: `serve`. */
  command: v.string(),
  /** Which start of a process with this pid; null where the system does not say. */
  started: v.nullable(v.string()),
  /** Where a pid means the same: host, its boot, and the namespace of its processes. */
  place: v.string(),
  /** Part of a file's name, so nothing but letters, digits and `-`. */
  token: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)),
  /** Where the holder serves the API, and the key that its owner's commands use there. */
  url: v.optional(v.string()),
  key: v.optional(v.string()),
});
/** Who holds a data folder. */
export type Holder = v.InferOutput<typeof Holder>;

/** The folder is another process's. */
export class LockedError extends Error {
  override readonly name = "LockedError";
  readonly holder: Holder;

  constructor(holder: Holder) {
    super(`The data folder is in use by "ingle ${holder.command}", process ${holder.pid}${at(holder)}.`);
    this.holder = holder;
  }
}

export interface FolderLock {
  token: string;
  /** The key that the holder's own commands use, once `announce` has told of it. */
  key: string;
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
  const key = randomBytes(32).toString("base64url");
  const own: Holder = { pid: process.pid, command, started: startOf(process.pid), place: place(), token: randomUUID() };
  await seize(path, own, stale_ms);

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
    if (there === undefined && (await isAbsent(path)) && (await create(path, own))) return;
    lose(await readHolder(path));
  };
  // What the disk refuses now it may grant at the next beat.
  const timer = setInterval(() => void (beating = beating.then(beat).catch(() => {})), heartbeat_ms);
  timer.unref();

  return {
    token: own.token,
    key,
    async announce(url) {
      if (!held) return;
      Object.assign(own, { url, key });
      await overwrite(path, own);
    },
    held: () => held,
    async release() {
      ended = true;
      clearInterval(timer);
      await beating;
      await giveBack(path, own);
    },
  };
}

/** Who holds the lock, if the holder is alive; nothing is changed. */
export async function holderOf(path: string, stale_ms = STALE_MS): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  return holder !== undefined && (await isHeld(path, holder, stale_ms)) ? holder : undefined;
}

/** Makes `own` the holder. Throws `LockedError` where somebody else is, or is about to be. */
async function seize(path: string, own: Holder, stale_ms: number): Promise<void> {
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

async function overwrite(path: string, own: Holder): Promise<void> {
  const fresh = `${path}.${own.token}`;
  try {
    await write(fresh, own);
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
}

async function giveBack(path: string, own: Holder): Promise<void> {
  // What cannot be read now stays, and is stale when this process has ended.
  const holder = await readHolder(path).catch(() => undefined);
  if (holder?.token === own.token) await rm(path, { force: true });
}

/** False where the lock is there already. Never half written: it gets its name when it is whole. */
async function create(path: string, own: Holder): Promise<boolean> {
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

/**
 * In the same place the pid decides, together with the time its process started. Elsewhere (another container, another machine, or
 * a boot since) only time tells: whoever is alive touches the lock.
 */
async function isHeld(path: string, holder: Holder | undefined, stale_ms: number): Promise<boolean> {
  if (holder !== undefined && holder.place === place()) {
    if (!isAlive(holder.pid)) return false;
    const started = startOf(holder.pid);
    if (started !== null && holder.started !== null) return started === holder.started;
  }
  const first = await touched(path);
  if (first === undefined || Date.now() - first > LONG_STALE_MS) return false;
  // Its own clock against ours would compare two machines: what counts is whether it moves.
  for (const end = Date.now() + stale_ms; Date.now() < end; await sleep(WATCH_STEP_MS)) {
    const now = await touched(path);
    if (now === undefined) return false;
    if (now !== first) return true;
  }
  return false;
}

function touched(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (there) => there.isDirectory(),
    () => false,
  );
}

async function isAbsent(path: string): Promise<boolean> {
  return (await touched(path)) === undefined;
}

/** Undefined where there is none, or none that says who it is. Throws where it cannot be read just now. */
async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return v.parse(Holder, JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    // Too few open files, or a disk that fails: that says nothing about the lock.
    if (["EMFILE", "ENFILE", "ENOMEM", "EIO"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // alive, and somebody else's
  }
}

/** When a process started, in the system's own measure; null beyond Linux. One that has ended and waits for its parent started never. */
function startOf(pid: number): string | null {
  const stat = contents(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat === undefined) return null;
  // From field 3 on, behind the name in parentheses: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? "never" : (fields[19] ?? null);
}

function place(): string {
  const boot = contents(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const namespace = contents(() => readlinkSync("/proc/self/ns/pid"));
  return [hostname(), boot, namespace].join(" ");
}

function contents<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function at({ url }: Holder): string {
  return url === undefined ? "" : ` at ${url}`;
}
