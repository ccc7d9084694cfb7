// The files of a model, fetched one after the other, with one progress for all.
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { download } from "../../models/download/download.ts";
import { noteOf, readPartOrigin } from "../../models/download/part-note.ts";
import { DownloadError, SourceError } from "../../models/download-errors.ts";
import type { Model, ModelFile } from "../../models/manifest.ts";
import type { DownloadOptions, DownloadProgress } from "../../models/sources/source.ts";

/** How often parts of a model that change at their source meanwhile are fetched again. */
const MOST_ROUNDS = 3;

/** Answers with the files as they are on the disk, at last: all of one version. Throws `DownloadError` and the signal's reason. */
export async function* fetchModelFiles(
  { files }: Model,
  folder: string,
  options: DownloadOptions,
  signal: AbortSignal,
): AsyncGenerator<DownloadProgress, ModelFile[]> {
  const several = files.length > 1;
  const fetch = (file: ModelFile) => download(file, join(folder, file.name), { ...options, one_of_several: several }, signal);
  const total = files.every(({ size }) => size !== undefined) ? totalBytes(files) : undefined;
  let before = 0;
  for (const file of files) {
    if (several) yield { source: "", bytes: before, ...(total !== undefined && { total }), checking: true };
    for await (const step of fetch(file)) {
      const whole = several ? total : (step.total ?? total);
      const checking = step.bytes === step.total && { checking: true as const };
      yield { ...step, bytes: before + step.bytes, ...(whole !== undefined && { total: whole }), ...checking };
    }
    before += (await stat(join(folder, file.name))).size;
  }
  yield* refetchChanged(files, folder, fetch);
  return Promise.all(files.map(async (file) => ({ ...file, size: (await stat(join(folder, file.name))).size })));
}

/**
 * Files without a known sha256 came one after the other, so each is asked for again until none has changed. A source that gives no strong
 * tag cannot be asked: what it sent in this one go is taken.
 */
async function* refetchChanged(files: ModelFile[], folder: string, fetch: (file: ModelFile) => AsyncIterable<DownloadProgress>) {
  const unsure = files.length > 1 ? files.filter(({ sha256 }) => sha256 === undefined) : [];
  for (let round = 0, changed = unsure.length > 0; changed; round++) {
    if (round === MOST_ROUNDS)
      throw new DownloadError("download_failed", "The files of the model change at their source while they are fetched.");
    changed = false;
    for (const file of unsure) {
      if ((await readPartOrigin(noteOf(join(folder, file.name)))) === undefined) continue;
      for await (const step of fetch(file)) {
        changed = true;
        yield { source: step.source, bytes: step.bytes, ...(step.total !== undefined && { total: step.total }) };
      }
    }
  }
}

/** Drops what was noted of where the files came from, once their model is installed. */
export async function forgetOrigins(folder: string, files: ModelFile[]): Promise<void> {
  for (const { name } of files) await rm(noteOf(join(folder, name)), { force: true });
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
