// The folder that is imported: read, never written, and links are not followed out of it.
import { open, realpath, type FileHandle } from "node:fs/promises";
import { join, sep } from "node:path";
import { disk, READ_FLAGS, type FolderEntry } from "../storage/drivers/fs-durable/file-system.ts";
import { splitLines, decodeLossy, type FileLine } from "./lines.ts";

/** The folder cannot be imported at all. The sentence says why and what to do. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}

/** One thing in the folder cannot be read; the others can. The message is a sentence for the report. */
export class UnreadableError extends Error {
  override readonly name = "UnreadableError";
}

/** Paths are below the folder, with `/`. All throw `UnreadableError`. */
export interface OldFolder {
  /** Absolute, without links in it. */
  root: string;
  /** Sorted by name; none where there is no such folder. */
  list(path: string): Promise<FolderEntry[]>;
  /** Undefined where there is no such file. */
  text(path: string, most: number): Promise<string | undefined>;
  /** Lines without their end, none where there is no such file. */
  lines(path: string): AsyncGenerator<FileLine>;
  /** Milliseconds since 1970 of the last change; undefined where there is nothing. */
  modifiedAt(path: string): Promise<number | undefined>;
}

/** The reason why an entry is not read. */
export const IS_LINK = "It is a link or no regular folder: links are not followed.";

const CHUNK = 256 * 2 ** 10;

/** Throws `ImportError` where there is no such folder, or one that may not be read. */
export async function openOldFolder(folder: string): Promise<OldFolder> {
  const root = await realpath(folder).catch((error) => throwNoFolder(folder, error));
  const old: OldFolder = {
    root,
    async list(path) {
      if (!(await isFolder(root, path))) return [];
      const entries = await disk.list(join(root, path)).catch(throwUnreadable);
      return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async text(path, most) {
      const handle = await openFile(join(root, path));
      if (handle === undefined) return undefined;
      try {
        const { size } = await handle.stat();
        if (size > most) throw new UnreadableError(`It has ${size} bytes; ${most} are the most that is read.`);
        return decodeLossy(await handle.readFile().catch(throwUnreadable)).text;
      } finally {
        await handle.close();
      }
    },
    async *lines(path) {
      const handle = await openFile(join(root, path));
      if (handle === undefined) return;
      try {
        yield* splitLines(chunksOf(handle));
      } finally {
        await handle.close();
      }
    },
    modifiedAt: (path) => disk.modifiedAt(join(root, path)).then(Math.floor, () => undefined),
  };
  await disk.list(root).catch((error) => throwNoFolder(folder, error));
  return old;
}

async function* chunksOf(handle: FileHandle): AsyncGenerator<Buffer> {
  for (;;) {
    // A new buffer each time: lines keep parts of it.
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK), 0, CHUNK).catch(throwUnreadable);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Throws for a link on the way. */
async function isFolder(root: string, path: string): Promise<boolean> {
  let place = root;
  for (const name of path.split("/").filter((name) => name !== "")) {
    place = join(place, name);
    const kind = await disk.kind(place).catch(throwUnreadable);
    if (kind === undefined || kind === "file") return false;
    if (kind === "other") throw new UnreadableError(IS_LINK);
  }
  return true;
}

/** A regular file at an absolute path; undefined where there is nothing. A pipe does not block. Throws `UnreadableError`. */
export async function openFile(path: string): Promise<FileHandle | undefined> {
  const kind = await disk.kind(path).catch(throwUnreadable);
  if (kind === undefined) return undefined;
  if (kind !== "file") throw new UnreadableError("It is not a regular file: folders and links are not read.");
  const handle = await open(path, READ_FLAGS).catch(throwUnreadable);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new UnreadableError("It is not a regular file.");
}

/** Whether a path, links followed, leads to a place within the folder. */
export async function isWithin(root: string, path: string): Promise<boolean> {
  return realpath(path).then(
    (real) => real.startsWith(root.endsWith(sep) ? root : root + sep),
    () => false,
  );
}

function throwUnreadable(error: NodeJS.ErrnoException): never {
  const words: Record<string, string> = {
    EACCES: "It may not be read by this user.",
    EPERM: "It may not be read by this user.",
    ELOOP: "It is a link: links are not followed.",
    ENOENT: "It is gone, or its name cannot be read.",
    EIO: "The disk failed to read it.",
  };
  throw new UnreadableError(words[error.code ?? ""] ?? `It cannot be read (${error.code ?? error.message}).`, { cause: error });
}

function throwNoFolder(folder: string, error: NodeJS.ErrnoException): never {
  const words: Record<string, string> = {
    ENOENT: `There is no folder ${folder}. Check the path.`,
    ENOTDIR: `${folder} is not a folder. Name the data folder of Jan or cortex.`,
    EACCES: `The folder ${folder} may not be read by this user. Change its permissions, or run as its owner.`,
  };
  throw new ImportError(words[error.code ?? ""] ?? `The folder ${folder} cannot be read (${error.code}).`, { cause: error });
}
