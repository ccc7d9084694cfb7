// The holder of a lock, as the file says it, and whether that process still lives and holds this folder.
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { folderIdOf } from "../../../models/folder-id.ts";
import { systemCodeOf } from "../../../models/system-code.ts";
import { DamagedError } from "../faults.ts";
import { readRegularFile } from "../read-regular-file.ts";
import { requestOperatorKey } from "./folder-proof.ts";

const WATCH_STEP_MS = 250;
/** Two missed beats of a holder that has most likely another folder. */
const OTHER_FOLDER_MS = 5_000;
/** More than the clocks of two machines differ by. */
const LONG_STALE_MS = 60_000;
/** After this a file that is needed for milliseconds is abandoned, where its maker cannot be seen. */
const ABANDONED_MS = 3_600_000;

const Holder = v.object({
  pid: v.number(),
  /** What the process does, as the command line names it: `serve`. */
  command: v.string(),
  /** Which start of a process with this pid; null where the system does not say. */
  started: v.nullable(v.string()),
  /** Where a pid means the same process: host, its boot, and the namespace of its processes. */
  place: v.string(),
  /** Part of a file's name, so nothing but letters, digits and `-`. */
  token: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)),
  /** Which folder it holds, as `folderIdOf` names it; absent in a lock of an older version. */
  folder: v.optional(v.string()),
  /** Where the holder serves the API. */
  url: v.optional(v.string()),
});
/** The process that holds a data folder. */
export type Holder = v.InferOutput<typeof Holder>;

/** Another process holds the folder. */
export class LockedError extends Error {
  override readonly name = "LockedError";
  readonly holder: Holder;

  constructor(holder: Holder) {
    const at = holder.url === undefined ? "" : ` at ${holder.url}`;
    super(`The data folder is in use by "ingle ${holder.command}", process ${holder.pid}${at}.`);
    this.holder = holder;
  }
}

/** A holder for this process, with a token that no other ever had. */
export function thisProcess(command: string): Holder {
  return { pid: process.pid, command, started: startOf(process.pid), place: place(), token: randomUUID() };
}

/**
 * Undefined where there is no lock, or none that names its holder. Throws where it cannot be read just now, and `DamagedError` for what
 * is no lock at all, such as a pipe.
 */
export async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return v.parse(Holder, JSON.parse(await readRegularFile(path)));
  } catch (error) {
    if (error instanceof DamagedError) throw error;
    // Too few open files, or a failing disk, say nothing about the lock.
    if (["EMFILE", "ENFILE", "ENOMEM", "EIO", "ENOSPC", "ESTALE"].includes(systemCodeOf(error))) throw error;
    return undefined;
  }
}

/**
 * In the same place the pid decides, together with the time its process started, where the lock is that of this folder. The holder
 * of another one, which the lock was copied from, is asked for a proof. Elsewhere (another container, another machine, or a boot
 * since), and where a proof cannot be had, time decides: a holder touches the lock of its own folder.
 */
export async function isHeld(path: string, holder: Holder | undefined, stale_ms: number): Promise<boolean> {
  const lives = isAliveHere(holder);
  if (lives === false) return false;
  if (lives && holder !== undefined) {
    const { folder, url } = holder;
    const own = dirname(path);
    if (folder === undefined || folder === (await folderIdOf(own))) return true;
    const proven = url === undefined ? undefined : await holdsFolder(url, own);
    if (proven !== undefined) return proven;
  }
  const first = await touchedAt(path);
  const watch_ms = lives ? Math.min(stale_ms, OTHER_FOLDER_MS) : stale_ms;
  if (first === undefined || Date.now() - first > LONG_STALE_MS) return false;
  // The clocks of two machines cannot be compared: what counts is whether the time moves.
  for (const end = Date.now() + watch_ms; Date.now() < end; await sleep(WATCH_STEP_MS)) {
    const now = await touchedAt(path);
    if (now === undefined) return false;
    if (now !== first) return true;
  }
  return false;
}

/** Undefined where the server does not say. */
function holdsFolder(url: string, folder: string): Promise<boolean | undefined> {
  return requestOperatorKey(url, folder).then(
    (key) => key !== undefined,
    () => undefined,
  );
}

/** Whether the maker of a short-lived file, written `at`, has ended, or cannot be seen and is long overdue. */
export function isAbandoned(maker: Holder | undefined, at: number): boolean {
  const lives = isAliveHere(maker);
  return lives === undefined ? Date.now() - at > ABANDONED_MS : !lives;
}

/** Undefined where that cannot be seen from here. */
function isAliveHere(holder: Holder | undefined): boolean | undefined {
  if (holder === undefined || holder.place !== place()) return undefined;
  // In this order: of a process that ends between the two questions the system says no start, and yet it is known to have ended.
  const started = startOf(holder.pid);
  if (!isAlive(holder.pid)) return false;
  return started === null || holder.started === null ? undefined : started === holder.started;
}

/** Milliseconds since 1970; undefined where nothing is. */
export async function touchedAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCodeOf(error) === "EPERM"; // alive, and another user's
  }
}

/** When a process started, in the system's own measure; null beyond Linux. One that has ended and waits for its parent started never. */
function startOf(pid: number): string | null {
  const stat = readOrUndefined(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat === undefined) return null;
  // From field 3 on, behind the name in parentheses: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? "never" : (fields[19] ?? null);
}

function place(): string {
  const boot = readOrUndefined(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const namespace = readOrUndefined(() => readlinkSync("/proc/self/ns/pid"));
  return [hostname(), boot, namespace].join(" ");
}

function readOrUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
