// Whether a file that has its name already is the one that is to be fetched.
import { lstat } from "node:fs/promises";
import { SourceError } from "../download-errors.ts";
import type { DownloadOptions } from "../sources/source.ts";
import { driverOf } from "../sources/registry.ts";
import type { ModelFile } from "../manifest.ts";
import { hashFile } from "./part-hash.ts";
import { isSameFile, noteOf, type PartOrigin, readPartOrigin } from "./part-note.ts";

/**
 * A file gets its name only after it was checked. Where its sha256 is known now, it must have that. One of several without a known sha256
 * must still be what its source has: the others come, or came, from there at another time. Throws the signal's reason.
 */
export async function isWhole(file: ModelFile, target: string, options: DownloadOptions, signal: AbortSignal): Promise<boolean> {
  const found = await lstat(target).catch(() => undefined);
  if (found?.isFile() !== true || found.size !== (file.size ?? found.size)) return false;
  if (file.sha256 === undefined && !options.one_of_several) return true;
  const origin = await readPartOrigin(noteOf(target));
  if (file.sha256 !== undefined) return origin?.sha256 === file.sha256 || (await hashFile(target, signal)) === file.sha256;
  return origin?.total === found.size && (await isUnchanged(origin, file, options, signal));
}

async function isUnchanged(
  origin: PartOrigin,
  { sources }: ModelFile,
  options: DownloadOptions,
  signal: AbortSignal,
): Promise<boolean> {
  for (const source of sources) {
    try {
      const response = await driverOf(source, options.drivers).open?.(source, options, signal);
      response?.close();
      if (response === undefined || !("url" in response) || response.status !== 200) continue;
      const same = Number(response.headers.get("content-length") ?? NaN) === origin.total;
      if (same && isSameFile(origin, response, undefined)) return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SourceError)) throw error;
    }
  }
  return false;
}
