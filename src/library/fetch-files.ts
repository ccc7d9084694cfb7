// The files of a model, fetched one after the other, with one progress for all.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { download } from "../../models/download/download.ts";
import { DownloadError, SourceError } from "../../models/download-errors.ts";
import type { Model, ModelFile } from "../../models/manifest.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";

/** Answers with the files as they are on the disk, at last. Throws `DownloadError` and the signal's reason. */
export async function* fetchModelFiles({ files }: Model, folder: string, options: DownloadOptions, signal: AbortSignal) {
  const there: ModelFile[] = [];
  const total = files.every(({ size }) => size !== undefined) ? totalBytes(files) : undefined;
  let before = 0;
  for (const file of files) {
    const target = join(folder, file.name);
    for await (const step of download(file, target, options, signal)) {
      const whole = files.length === 1 ? (step.total ?? total) : total;
      yield { ...step, bytes: before + step.bytes, ...(whole !== undefined && { total: whole }) };
    }
    const { size } = await stat(target);
    before += size;
    there.push({ ...file, size });
  }
  return there;
}

/** The files that hold weights: no projector, no other companion. */
export const weightFilesOf = ({ files }: Model): ModelFile[] => files.filter(({ role }) => role === undefined);

/** In bytes, as far as they are known. */
export const totalBytes = (files: ModelFile[]): number => files.reduce((sum, { size = 0 }) => sum + size, 0);

export const isChecksumMismatch = (error: unknown): boolean =>
  error instanceof DownloadError && error.code === "checksum_mismatch";

/** For `catch`: a failed source of the list of files is a failed source of the download. */
export function throwDownloadError(error: unknown): never {
  throw error instanceof SourceError ? new DownloadError(error.code, error.message, { cause: error }) : error;
}
