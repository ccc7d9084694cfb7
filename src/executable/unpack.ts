// Native parts that a single executable carries, put on the disk: the system starts programs and loads libraries from files alone.
import { createHash } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AdapterError } from "../../adapters/adapter.ts";
import { cacheFolder } from "../../adapters/llama-server/build/cached-build.ts";

export type CarriedPartName = "llama-server" | "node-llama-cpp";

/** A native program or library, which is a folder of files. */
export interface CarriedPart {
  name: CarriedPartName;
  /** The sum over all paths, sizes and sums. It names the folder, so that two versions of ingle never share one. */
  sha256: string;
  files: CarriedFile[];
}

interface CarriedFile {
  /** Relative to the folder, with `/`. */
  path: string;
  bytes: number;
  sha256: string;
  /** The path inside the executable, which only its own runtime can read. */
  from: string;
}

const PRIVATE_MODE = 0o700;
/** The age at which a folder that a killed process left half unpacked is removed, in milliseconds. */
const STALE_MS = 3_600_000;
const ATTEMPTS = 3;

/**
 * Absolute path of a folder that holds the files of a part, and nothing else, with the very bytes that are carried: that is checked at
 * every call. Throws `AdapterError` `engine_unavailable` where the cache cannot be written.
 */
export async function unpack(part: CarriedPart, env: Record<string, string | undefined>): Promise<string> {
  const parts = join(cacheFolder(env), "parts");
  const folder = join(parts, part.sha256);
  try {
    // Another process may unpack the same part: the second one checks again.
    for (let attempt = 1; !(await isIntact(part, folder)); attempt++) await writePart(part, parts, folder, attempt === ATTEMPTS);
    return folder;
  } catch (error) {
    const megabytes = Math.ceil(part.files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6);
    const what = `${part.name} (${megabytes} MB) cannot be unpacked into ${parts}: ${(error as Error).message}`;
    const remedy = "Make room there, or set XDG_CACHE_HOME to a folder that can be written.";
    const public_message = `${part.name} cannot be unpacked on this server. Its log says why.`;
    throw new AdapterError("engine_unavailable", `${what}. ${remedy}`, { public_message, lasting: true, cause: error });
  }
}

async function writePart(part: CarriedPart, parts: string, folder: string, last: boolean): Promise<void> {
  await mkdir(parts, { recursive: true, mode: PRIVATE_MODE });
  await removeStale(parts);
  const fresh = await mkdtemp(join(parts, `${part.sha256}.new-`));
  const damaged = `${fresh}-damaged`;
  try {
    for (const file of part.files) await writePartFile(file, join(fresh, file.path));
    if (await isIntact(part, folder)) return;
    await rename(folder, damaged).catch(ignoreMissing);
    await rename(fresh, folder);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (last || !["ENOTEMPTY", "EEXIST", "EPERM"].includes(code)) throw error;
  } finally {
    for (const left of [fresh, damaged]) await rm(left, { recursive: true, force: true });
  }
}

async function writePartFile({ path, from, sha256 }: CarriedFile, to: string): Promise<void> {
  const bytes = await readFile(from);
  if (sha256Of(bytes) !== sha256) throw new Error(`the executable itself is damaged: its ${path} has other bytes`);
  await mkdir(dirname(to), { recursive: true, mode: PRIVATE_MODE });
  await writeFile(to, bytes, { flag: "wx", mode: PRIVATE_MODE });
}

/** A surplus file counts as damage: a program may load a library that lies beside it. */
async function isIntact({ files }: CarriedPart, folder: string): Promise<boolean> {
  try {
    const found = await lstat(folder);
    if (!found.isDirectory() || !isOwnedByUser(found.uid)) return false;
    const there = await readdir(folder, { recursive: true, withFileTypes: true });
    if (there.filter((entry) => !entry.isDirectory()).length !== files.length) return false;
    for (const { path, bytes, sha256 } of files) {
      const file = await lstat(join(folder, path));
      if (!file.isFile() || file.size !== bytes || !isOwnedByUser(file.uid)) return false;
      if (sha256Of(await readFile(join(folder, path))) !== sha256) return false;
    }
    return true;
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException);
    return false;
  }
}

/** Files of another user count as damage: that user could change them after the check. */
const isOwnedByUser = (uid: number): boolean => process.getuid === undefined || uid === process.getuid();

async function removeStale(parts: string): Promise<void> {
  for (const name of await readdir(parts)) {
    if (!name.includes(".new-")) continue;
    const { mtimeMs } = await lstat(join(parts, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > STALE_MS) await rm(join(parts, name), { recursive: true, force: true });
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
