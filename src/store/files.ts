// The few things that a durable store asks of a file system, each throwing where it failed. Tests put a simulated disk in its place.
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { syncFolder } from "../../models/part.ts";
import { codeOf, DamagedError } from "./faults.ts";

export interface Entry {
  name: string;
  kind: "file" | "folder" | "other";
}

/** Paths are absolute. Errors are the system's own, with their `code`, unless said otherwise. */
export interface Files {
  /** The bytes of a regular file with one name. Throws `DamagedError` for anything else in its place and for more than `most` bytes. */
  read(path: string, most: number): Promise<Uint8Array>;
  /** Creates the file, which must not be there, with mode 0600; resolves when all bytes are on the disk. */
  writeNew(path: string, bytes: Uint8Array): Promise<void>;
  /** Puts the file in the place of whatever file is there. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Creates a folder with mode 0700; its parent must be there. */
  mkdir(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  list(path: string): Promise<Entry[]>;
  /** As `list`, for folders of many entries: names alone take far less memory. */
  names(path: string): Promise<string[]>;
  /** What the path itself is, links not followed; undefined where there is nothing. */
  kind(path: string): Promise<Entry["kind"] | undefined>;
  /** Milliseconds since 1970 of the last change. */
  changed(path: string): Promise<number>;
  /** Makes the names in a folder survive a power cut. */
  sync(folder: string): Promise<void>;
}

/** A link is not followed, and a pipe does not block. */
export const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The real file system. */
export const disk: Files = {
  async read(path, most) {
    // Links are not followed out of the folder, and a pipe in the record's place must not block.
    const handle = await open(path, READ).catch(noFile);
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
  async writeNew(path, bytes) {
    const handle = await open(path, "wx", 0o600);
    try {
      // A write may take fewer bytes than it is given, on a disk that is nearly full.
      for (let done = 0; done < bytes.length;) {
        done += (await handle.write(bytes, done, bytes.length - done, done)).bytesWritten;
      }
      await handle.sync();
    } finally {
      // What was synced is on the disk, whatever becomes of the handle: only Windows, which renames no open file, has to wait for it.
      const closed = handle.close().catch(() => {});
      if (WINDOWS) await closed;
    }
  },
  rename: (from, to) => (WINDOWS ? patiently(() => rename(from, to)) : rename(from, to)),
  unlink,
  mkdir: async (path) => void (await mkdir(path, { mode: 0o700 })),
  rmdir,
  async list(path) {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  },
  names: (path) => readdir(path),
  kind: (path) => lstat(path).then(kindOf, absent),
  changed: async (path) => (await lstat(path)).mtimeMs,
  sync: syncFolder,
};

const WINDOWS = constants.O_NOFOLLOW === undefined;

function kindOf(there: { isFile(): boolean; isDirectory(): boolean }): Entry["kind"] {
  if (there.isFile()) return "file";
  return there.isDirectory() ? "folder" : "other";
}

// Of a link, and of a socket or a device behind which there is nothing.
function noFile(error: NodeJS.ErrnoException): never {
  if (!["ELOOP", "ENXIO", "ENODEV"].includes(error.code ?? "")) throw error;
  throw new DamagedError("It is not a regular file.", { cause: error });
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

/** Windows refuses a rename while a virus scanner or an indexer looks at either file, for a second or two (libuv #1981). */
async function patiently(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const passing = ["EPERM", "EBUSY", "EACCES"].includes(codeOf(error));
      if (!passing || tries === 10) throw error;
      await sleep(50 * tries);
    }
  }
}
