// The calls of a durable store to the file system, each throwing where it failed. Tests put a simulated disk in its place.
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rmdir, unlink } from "node:fs/promises";
import { fsyncFolder } from "../../../../models/fsync-folder.ts";
import { DamagedError, undefinedIfAbsent } from "../../faults.ts";
import { kindOf, systemCalls, type EntryKind, type RecordWrite } from "./record-writes.ts";
import { putRecord } from "./write-threads.ts";

export interface FolderEntry {
  name: string;
  kind: EntryKind;
}

/** Paths are absolute. Errors are the system's own, with their `code`, unless said otherwise. */
export interface FileSystem {
  /** The bytes of a regular file with one name. Throws `DamagedError` for anything else in its place and for more than `most` bytes. */
  read(path: string, most: number): Promise<Uint8Array>;
  /** Puts a record in its place, as `putRecords` does; throws what that answers. */
  put(write: RecordWrite): Promise<void>;
  /** Puts the file in the place of whatever file is there. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Creates a folder with mode 0700; its parent must be there. */
  mkdir(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  list(path: string): Promise<FolderEntry[]>;
  /** As `list`, for folders of many entries: names alone take far less memory. */
  names(path: string): Promise<string[]>;
  /** What the path itself is, links not followed; undefined where there is nothing. */
  kind(path: string): Promise<EntryKind | undefined>;
  /** Milliseconds since 1970 of the last change. */
  modifiedAt(path: string): Promise<number>;
  /** Makes the names in a folder survive a power cut. */
  sync(folder: string): Promise<void>;
}

/** A link is not followed, and a pipe does not block. */
export const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The real file system. */
export const disk: FileSystem = {
  async read(path, most) {
    // Links are not followed out of the folder, and a pipe in the record's place must not block.
    const handle = await open(path, READ_FLAGS).catch(throwNotAFile);
    try {
      const there = await handle.stat();
      if (!there.isFile()) throw new DamagedError("It is not a regular file.");
      if (there.nlink > 1) throw new DamagedError("The file has a second name (a hard link).");
      if (there.size > most) throw new DamagedError(`The file has ${there.size} bytes, more than any record.`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  },
  put: putRecord,
  // `systemCalls.rename` repeats what Windows refuses while a virus scanner holds the file.
  rename: async (from, to) => systemCalls.rename(from, to),
  unlink,
  mkdir: async (path) => void (await mkdir(path, { mode: 0o700 })),
  rmdir,
  async list(path) {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  },
  names: (path) => readdir(path),
  kind: (path) => lstat(path).then(kindOf, undefinedIfAbsent),
  modifiedAt: async (path) => (await lstat(path)).mtimeMs,
  sync: fsyncFolder,
};

// ELOOP is a link; ENXIO and ENODEV are a socket, or a device without a driver.
function throwNotAFile(error: NodeJS.ErrnoException): never {
  if (!["ELOOP", "ENXIO", "ENODEV"].includes(error.code ?? "")) throw error;
  throw new DamagedError("It is not a regular file.", { cause: error });
}
