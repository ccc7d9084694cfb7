// An unstorage driver over files: a key `threads:thread_01jd…` is the file `threads/thread_01jd….json`. What it has acknowledged
// survives a crash and a power cut, a value is old, new or absent, and whatever the disk refuses is thrown.
import { dirname, join } from "node:path";
import pLimit from "p-limit";
import type { Driver } from "unstorage";
import { systemCodeOf } from "../../../models/system-code.ts";
import { UncertainWriteError, undefinedIfAbsent } from "../faults.ts";
import type { FolderIdentity } from "../folder-identity.ts";
import { disk, type FileSystem } from "./fs-durable/file-system.ts";
import { createFolderSyncs } from "./fs-durable/folder-fsync.ts";
import { isSafeName } from "../encode-key.ts";
import { notAFolder } from "./fs-durable/record-writes.ts";
import { decodeText } from "../decode-text.ts";

export interface FsDurableOptions {
  /** Absolute path of the folder; it must be there. */
  base: string;
  /** A file in `base` that is always there: where it is missing, what is read is not the folder but the place where its disk belongs. */
  marker?: string;
  /** Part of the names of temporary files: two processes that believe to hold the same folder never share one. Letters and digits. */
  token: string;
  /** What `base` is known by; absent: whatever stands there will do. */
  home?: FolderIdentity | undefined;
  files?: FileSystem;
}

export interface FsDurable extends Driver {
  /** Removes all values below a base, durably, and their folder. Much faster than one by one. */
  clear(base: string): Promise<void>;
  /** Removes what an interrupted write has left, where it is older than an hour. Touches nothing else. */
  sweep(): Promise<void>;
}

/** Bytes: a record is a few kilobytes, so what is larger is not one. */
export const LARGEST = 16 * 2 ** 20;
/** A disk commits many syncs at once. Each file takes two of the open files that the system allows. */
const FILES_AT_ONCE = 64;
const STALE_MS = 3_600_000;
/** Remembered folders; a forgotten one costs a sync. */
const MOST_READY = 10_000;
export const SUFFIX = ".json";

/** The temporary files of all processes; no key has such a name. */
export const TEMPORARY = /^\.[a-z0-9._-]+\.tmp$/;

export function fsDurable({ base, marker = "", token, home, files = disk }: FsDurableOptions): FsDurable {
  const limited = pLimit(FILES_AT_ONCE);
  /** Folders that exist and whose own name is on the disk. */
  const ready = new Map<string, Promise<void>>();
  const { sync, syncName, noteUncertain, refuseUncertain } = createFolderSyncs(files);

  return {
    name: "fs-durable",
    options: { base },
    hasItem: (key) => limited(async () => (await files.kind(fileOf(key))) !== undefined),
    getItem: (key) => limited(() => read(key)),
    getItemRaw: (key) => limited(() => read(key)),
    setItem: (key, value) => limited(() => write(key, value)),
    setItemRaw: (key, value) => limited(() => write(key, value as unknown as string)),
    removeItem: (key) => limited(() => remove(key)),
    getKeys: (prefix) => keysBelow(prefix.replace(/:$/, "")),
    clear: (prefix) => removeAll(prefix.replace(/:$/, "")),
    sweep: () => sweep(files, base),
  };

  /** Throws for a key that is not a path of safe names: a client's string is encoded before it becomes part of a key. */
  function pathOf(key: string): string {
    const names = key.split(":");
    const unsafe = names.find((name) => !isSafeName(name));
    if (unsafe !== undefined) throw new RangeError(`"${unsafe.slice(0, 40)}" in a key is not a safe file name.`);
    return join(base, ...names);
  }

  function fileOf(key: string): string {
    return `${pathOf(key)}${SUFFIX}`;
  }

  async function read(key: string): Promise<string | null> {
    const path = fileOf(key);
    await refuseLinks(key);
    const bytes = await files.read(path, LARGEST).catch(undefinedIfMounted);
    return bytes === undefined ? null : decodeText(bytes);
  }

  async function write(key: string, value: string): Promise<void> {
    if (typeof value !== "string") throw new TypeError(`The value of "${key}" is not text.`);
    const path = fileOf(key);
    refuseUncertain(path);
    const bytes = new TextEncoder().encode(value);
    if (bytes.length > LARGEST) throw new RangeError(`The value of "${key}" has ${bytes.length} bytes, ${LARGEST} are the most.`);
    const folders = foldersOf(key);
    for (const folder of folders) await ensureFolder(folder, dirname(folder));
    const temporary = join(dirname(path), `.${key.split(":").at(-1)}.${token}.tmp`);
    try {
      await files.put({ folders, temporary, path, bytes, home });
    } catch (error) {
      if (error instanceof UncertainWriteError) throw noteUncertain(path, error);
      throw forgetGone(error);
    }
  }

  async function remove(key: string): Promise<void> {
    const path = fileOf(key);
    await refuseLinks(key);
    try {
      await files.unlink(path);
    } catch (error) {
      return undefinedIfMounted(error);
    }
    await syncName(dirname(path), path);
  }

  /** The names of a folder first, then, one by one, the folders in it. */
  async function keysBelow(prefix: string): Promise<string[]> {
    const start = prefix === "" ? "" : `${prefix}:`;
    const keys: string[] = [];
    for (const name of await listBelow(prefix, files.names)) {
      // Listed whatever stands there: reading the record says what is wrong with it.
      if (isRecord(name)) keys.push(start + name.slice(0, -SUFFIX.length));
      if (isRecord(name) || !isSafeName(name)) continue;
      if ((await files.kind(join(folderAt(prefix), name))) === "folder") keys.push(...(await keysBelow(start + name)));
    }
    return keys;
  }

  async function removeAll(prefix: string): Promise<void> {
    if (prefix === "") throw new RangeError("A base is needed: this would remove everything.");
    const folder = pathOf(prefix);
    await refuseLinks(`${prefix}:x`);
    const entries = await listBelow(prefix, files.list);
    await Promise.all(
      entries
        .filter(({ kind }) => kind !== "folder")
        .map(({ name }) => limited(() => files.unlink(join(folder, name)).catch(undefinedIfAbsent))),
    );
    ready.delete(folder);
    try {
      await files.rmdir(folder);
    } catch (error) {
      // A foreign folder is in it: the values are gone all the same.
      if (["ENOTEMPTY", "EEXIST"].includes(systemCodeOf(error))) return sync(folder);
      return undefinedIfAbsent(error);
    }
    await sync(dirname(folder));
  }

  function folderAt(prefix: string): string {
    return prefix === "" ? base : pathOf(prefix);
  }

  async function listBelow<T>(prefix: string, list: (folder: string) => Promise<T[]>): Promise<T[]> {
    if (prefix !== "") await refuseLinks(`${prefix}:x`);
    return (await limited(() => list(folderAt(prefix))).catch(undefinedIfMounted)) ?? [];
  }

  /** The folders on the way to a key, the outermost first. */
  function foldersOf(key: string): string[] {
    const names = key.split(":").slice(0, -1);
    return names.map((_, at) => join(base, ...names.slice(0, at + 1)));
  }

  /** A folder on the way to a key that is a link could lead out of the base. */
  async function refuseLinks(key: string): Promise<void> {
    const folders = foldersOf(key);
    // All at once: one after the other they would delay each read by as many calls.
    const kinds = await Promise.all(folders.map(files.kind));
    const at = kinds.findIndex((kind) => kind !== "folder");
    if (kinds[at] !== undefined) throw notAFolder(folders[at]!);
  }

  /** A disk that is not mounted looks like an empty folder: that is not a reason to say "there is nothing". */
  async function assertMounted(): Promise<void> {
    if ((await files.kind(join(base, marker))) !== undefined) return;
    throw Object.assign(new Error(`${join(base, marker)} is gone: is its disk mounted?`), { code: "ENOENT" });
  }

  /** For `catch`: what is not there reads as undefined, where the disk is. */
  async function undefinedIfMounted(error: unknown): Promise<undefined> {
    undefinedIfAbsent(error);
    await assertMounted();
  }

  function ensureFolder(folder: string, parent: string): Promise<void> {
    const known = ready.get(folder);
    if (known !== undefined) return known;
    const made = makeFolder(folder, parent);
    if (ready.size >= MOST_READY) ready.clear();
    ready.set(folder, made);
    made.catch(() => ready.delete(folder));
    return made;
  }

  async function makeFolder(folder: string, parent: string): Promise<void> {
    refuseUncertain(folder);
    // Not below the place where a disk belongs that is not mounted now.
    await assertMounted();
    await files.mkdir(folder).catch((error) => {
      if (systemCodeOf(error) !== "EEXIST") throw forgetGone(error);
    });
    // Even where it is there: an earlier process may have died between the two steps.
    await syncName(parent, folder);
  }

  /** A folder that was ready was removed by hand: the next change makes sure of all of them again. */
  function forgetGone(error: unknown): unknown {
    if (systemCodeOf(error) === "ENOENT") ready.clear();
    return error;
  }
}

const isRecord = (name: string): boolean => name.endsWith(SUFFIX) && isSafeName(name.slice(0, -SUFFIX.length));

/** Removes the temporary files of writes that were interrupted long ago, in a folder and the folders in it. */
async function sweep(files: FileSystem, folder: string, depth = 0): Promise<void> {
  // A file that goes away meanwhile was removed by its writer.
  for (const name of (await files.names(folder).catch(undefinedIfAbsent)) ?? []) {
    if (isRecord(name)) continue;
    const path = join(folder, name);
    const kind = await files.kind(path);
    if (kind === "folder" && depth < 2 && isSafeName(name)) await sweep(files, path, depth + 1);
    if (kind !== "file" || !TEMPORARY.test(name)) continue;
    const changed = (await files.modifiedAt(path).catch(undefinedIfAbsent)) ?? Infinity;
    if (Date.now() - changed >= STALE_MS) await files.unlink(path).catch(undefinedIfAbsent);
  }
}
