// Records put in their places, many at once: temporary file, all bytes, fsync, rename, fsync of the folder. A journal that is asked
// for many files in a row commits them together, so each step is done for all of them before the next one.
import { constants, closeSync, fsyncSync, lstatSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { systemCodeOf } from "../../../../models/system-code.ts";
import { uncertainWrite, undefinedIfAbsent } from "../../faults.ts";
import { assertFolderThere, type FolderIdentity } from "../../folder-identity.ts";

export type EntryKind = "file" | "folder" | "other";

/** Paths are absolute. */
export interface RecordWrite {
  /** The folders on the way to the record: none may be a link, which could lead out of the store. */
  folders: string[];
  /** In the folder of `path`, and in no other write at that time. */
  temporary: string;
  path: string;
  bytes: Uint8Array;
  /** The data folder: nothing is written where another one stands at its path. Absent: not known. */
  home?: FolderIdentity | undefined;
}

/** What a write asks of the file system. Each call is done when it returns, and throws where it failed. */
export interface WriteCalls {
  kind(path: string): EntryKind | undefined;
  /** Creates the file, which must not be there, with mode 0600 and these bytes; answers its descriptor. */
  create(path: string, bytes: Uint8Array): number;
  /** Has the file on the disk; the descriptor is closed whatever happens. */
  syncAndClose(descriptor: number, path: string): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Makes the names in a folder survive a power cut. */
  sync(folder: string): void;
}

/**
 * The error of each write, undefined where the record is on the disk; `UncertainWriteError` where its new name may not be. A write that
 * failed leaves the old record and no temporary file. Yields before each call, so that tests can count the calls.
 */
export function* putRecords(calls: WriteCalls, writes: RecordWrite[]): Generator<void, unknown[]> {
  const errors: unknown[] = writes.map(() => undefined);
  const descriptors: number[] = [];
  const begun = new Set<number>();

  yield* each((write, i) => {
    // Here, and not only before a batch waits for a thread.
    if (write.home !== undefined) assertFolderThere(write.home);
    refuseLinks(calls, write.folders);
    begun.add(i);
    descriptors[i] = calls.create(write.temporary, write.bytes);
  });
  yield* each((write, i) => calls.syncAndClose(descriptors[i]!, write.temporary));
  yield* each((write) => {
    // Another folder may have come between the first look and the new file, which is removed from it then. A file that is in the right one
    // is not found where that goes now.
    if (write.home !== undefined) assertFolderThere(write.home);
    calls.rename(write.temporary, write.path);
  });

  const changed = new Map<string, unknown>();
  for (const [i, { path, temporary }] of writes.entries()) {
    if (errors[i] === undefined) changed.set(dirname(path), undefined);
    else if (begun.has(i)) {
      yield;
      quietly(() => calls.unlink(temporary));
    }
  }
  for (const folder of changed.keys()) {
    yield;
    const unsynced = caught(() => calls.sync(folder));
    changed.set(folder, unsynced);
  }
  return writes.map(({ path }, i) => {
    const unsynced = changed.get(dirname(path));
    return errors[i] ?? (unsynced === undefined ? undefined : uncertainWrite(path, unsynced));
  });

  function* each(step: (write: RecordWrite, i: number) => void): Generator<void> {
    for (const [i, write] of writes.entries()) {
      if (errors[i] !== undefined) continue;
      yield;
      errors[i] = caught(() => step(write, i));
    }
  }
}

/** Runs `putRecords` to its end. */
export function putRecordsNow(writes: RecordWrite[], calls = systemCalls): unknown[] {
  const steps = putRecords(calls, writes);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function refuseLinks(calls: WriteCalls, folders: string[]): void {
  for (const folder of folders) {
    const kind = calls.kind(folder);
    if (kind !== undefined && kind !== "folder") throw notAFolder(folder);
  }
}

export function notAFolder(path: string): Error {
  return Object.assign(new Error(`${path} is not a folder.`), { code: "ENOTDIR" });
}

function caught(work: () => void): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

const quietly = (work: () => void): void => void caught(work);

const WINDOWS = constants.O_NOFOLLOW === undefined;

/** The real file system. */
export const systemCalls: WriteCalls = {
  kind(path) {
    try {
      return kindOf(lstatSync(path));
    } catch (error) {
      return undefinedIfAbsent(error);
    }
  },
  create(path, bytes) {
    const descriptor = openSync(path, "wx", 0o600);
    try {
      // A write may take fewer bytes than it is given, on a disk that is nearly full.
      for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done, bytes.length - done, done);
      return descriptor;
    } catch (error) {
      quietly(() => closeSync(descriptor));
      throw error;
    }
  },
  syncAndClose: fsyncAndClose,
  rename: WINDOWS ? (from, to) => renameWithRetry(() => renameSync(from, to)) : renameSync,
  unlink: unlinkSync,
  sync(folder) {
    if (!WINDOWS) fsyncAndClose(openSync(folder, "r"));
  },
};

function fsyncAndClose(descriptor: number): void {
  try {
    fsyncSync(descriptor);
  } finally {
    // What was synced is on the disk, whatever becomes of the descriptor.
    quietly(() => closeSync(descriptor));
  }
}

export function kindOf(there: { isFile(): boolean; isDirectory(): boolean }): EntryKind {
  if (there.isFile()) return "file";
  return there.isDirectory() ? "folder" : "other";
}

/** Windows refuses a rename while a virus scanner or an indexer looks at either file, for a second or two (libuv #1981). */
function renameWithRetry(work: () => void): void {
  for (let tries = 1; ; tries++) {
    try {
      return work();
    } catch (error) {
      const passing = ["EPERM", "EBUSY", "EACCES"].includes(systemCodeOf(error));
      if (!passing || tries === 10) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50 * tries);
    }
  }
}
