// What tells a data folder from whatever else may stand at its path: an empty mount point, a copy, another data folder, nothing.
import { lstatSync, statSync, type BigIntStats } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemCodeOf } from "../../models/system-code.ts";

/** Can be handed to a thread. */
export interface FolderIdentity {
  /** Absolute path. */
  folder: string;
  /** One that is always in the folder and never changed; undefined: the folder alone counts. */
  file: string | undefined;
  device: bigint;
  inodes: string;
  changed: bigint | undefined;
}

/** Answers whether the folder that was there when this was made is there now. Throws where that cannot be seen just now. */
export type IsThere = () => Promise<boolean>;

// What a path says that leads to nothing, or to a disk that has gone.
const GONE = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM", "ESTALE", "ENOTCONN", "ENODEV", "ENXIO", "EHOSTDOWN"]);
const BIG = { bigint: true } as const;

/**
 * Whether those of the folders that were there at an earlier call are there now. Others are not missed: a store makes the folder of a
 * collection with its first record.
 */
export function watchFolders(folders: string[]): IsThere {
  const known = new Map<string, FolderIdentity>();
  const isThere = async (folder: string): Promise<boolean> => {
    const before = known.get(folder);
    if (before !== undefined) return isFolderThere(before);
    const found = await identifyFolder(folder).catch(undefinedIfGone);
    if (found !== undefined) known.set(folder, found);
    return true;
  };
  return async () => (await Promise.all(folders.map(isThere))).every(Boolean);
}

/** Throws the system's error. */
export async function identifyFolder(folder: string, file?: string): Promise<FolderIdentity> {
  // A folder may be reached by a link, which may lead elsewhere later; the file is none.
  const own = await stat(folder, BIG);
  return identityOf(folder, file, own, file === undefined ? undefined : await lstat(join(folder, file), BIG));
}

/** Throws where that cannot be seen just now. */
export async function isFolderThere(known: FolderIdentity): Promise<boolean> {
  const there = await identifyFolder(known.folder, known.file).catch(undefinedIfGone);
  return there !== undefined && isSame(known, there);
}

/** The same for a thread that may block. Throws an error of the system, or one that says that it is another folder. */
export function assertFolderThere(known: FolderIdentity): void {
  const { folder, file } = known;
  const there = file === undefined ? undefined : lstatSync(join(folder, file), BIG);
  if (!isSame(known, identityOf(folder, file, statSync(folder, BIG), there)))
    throw Object.assign(new Error(`Another folder stands at ${folder}.`), { code: "ENOENT" });
}

function identityOf(folder: string, file: string | undefined, own: BigIntStats, within?: BigIntStats): FolderIdentity {
  return { folder, file, device: own.dev, inodes: `${own.ino} ${within?.ino}`, changed: within?.ctimeNs };
}

function isSame(one: FolderIdentity, other: FolderIdentity): boolean {
  if (one.inodes !== other.inodes) return false;
  // A disk that is mounted again may have another device number, and two disks may use the same inodes.
  return one.device === other.device || (one.changed !== undefined && one.changed === other.changed);
}

function undefinedIfGone(error: unknown): undefined {
  // Deno may be allowed to look at the folder, and not at what stands there now.
  if (!GONE.has(systemCodeOf(error)) && !(error instanceof Error && error.name === "NotCapable")) throw error;
}
