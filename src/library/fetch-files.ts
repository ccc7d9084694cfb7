// The files of a model, fetched one after the other, with one progress for all.
import { lstat, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { download } from "../../models/download/download.ts";
import { noteOf, readPartOrigin } from "../../models/download/part-note.ts";
import { DownloadError, SourceError } from "../../models/download-errors.ts";
import type { GgufHeader } from "../../models/gguf/header.ts";
import type { ModelFile } from "../../models/manifest.ts";
import type { DownloadOptions, DownloadProgress } from "../../models/sources/source.ts";
import { ApiError } from "../http/errors.ts";
import { undefinedIfAbsent } from "../storage/faults.ts";
import { createHeaderCheck } from "./early-header.ts";
import { totalBytes } from "../../models/model-files.ts";
import type { WeightFile, WeightState, WeightVerifier } from "./weight-verifier.ts";

/** How often parts of a model that change at their source meanwhile are fetched again. */
const MOST_ROUNDS = 3;

/**
 * Files that are sound stay, each other one is put in its place when it is whole. Answers with the files as they are on the disk, at last:
 * all of one version. `whyRefused`: why the first file, by its header, is not to be fetched to its end. Throws `DownloadError`, what the disk throws, and the signal's reason.
 */
export async function* fetchModelFiles(
  files: WeightFile[],
  verifier: WeightVerifier,
  options: DownloadOptions,
  signal: AbortSignal,
  whyRefused: (header: GgufHeader) => string | undefined = () => undefined,
): AsyncGenerator<DownloadProgress, ModelFile[]> {
  const several = files.length > 1;
  const fetch = (file: WeightFile) => fetchFile(file, verifier, { ...options, one_of_several: several }, signal);
  const manifest = files.map(({ file }) => file);
  const total = manifest.every(({ size }) => size !== undefined) ? totalBytes(manifest) : undefined;
  let before = 0;
  for (const file of files) {
    // What lies there is looked at first, all of it where its sha256 has to be found out.
    yield { source: "", bytes: before, ...(total !== undefined && { total }), checking: true };
    const checkHeader = file === files[0] ? createHeaderCheck(file.path, whyRefused) : undefined;
    for await (const step of fetch(file)) {
      await checkHeader?.(step);
      const whole = several ? total : (step.total ?? total);
      const checking = step.bytes === step.total && { checking: true as const };
      yield { ...step, bytes: before + step.bytes, ...(whole !== undefined && { total: whole }), ...checking };
    }
    before += (await stat(file.path)).size;
  }
  yield* refetchChanged(files, fetch);
  return Promise.all(
    files.map(async (each) => {
      const sha256 = await verifier.expected(each);
      return { ...each.file, size: (await stat(each.path)).size, ...(sha256 && { sha256 }) };
    }),
  );
}

/** One file, unless it is there and sound; then its sha256 is noted. */
async function* fetchFile(
  each: WeightFile,
  verifier: WeightVerifier,
  options: DownloadOptions,
  signal: AbortSignal,
): AsyncGenerator<DownloadProgress, void> {
  const { file, path } = each;
  const state = await stateOf(each, verifier, signal);
  // Whether one without a known sha256 is still what its source has is to be asked there.
  if (state === "sound" && file.sha256 !== undefined) return;
  // A damaged one comes back as it was, or not at all: the other parts are of that version.
  const expected = state === "damaged" ? await verifier.expected(each) : undefined;
  const wanted = { ...file, ...(expected !== undefined && { sha256: expected }) };
  const sha256 = yield* download(wanted, path, { ...options, replace: state === "damaged" }, signal);
  if (sha256 !== undefined) await verifier.noteFetched(each, sha256);
}

/** A file that the disk cannot read is `damaged`. */
async function stateOf(each: WeightFile, verifier: WeightVerifier, signal: AbortSignal): Promise<WeightState | "absent"> {
  const there = await lstat(each.path).catch(undefinedIfAbsent);
  if (!there?.isFile() || there.size !== (each.file.size ?? there.size)) return "absent";
  try {
    return each.file.sha256 === undefined ? (await verifier.state(each)).state : await verifier.verify(each, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ApiError) throw error;
    return "damaged";
  }
}

/**
 * Files without a known sha256 came one after the other, so each is asked for again until none has changed. A source that gives no strong
 * tag cannot be asked: what it sent in this one go is taken.
 */
async function* refetchChanged(files: WeightFile[], fetch: (file: WeightFile) => AsyncIterable<DownloadProgress>) {
  const unsure = files.length > 1 ? files.filter(({ file }) => file.sha256 === undefined) : [];
  for (let round = 0, changed = unsure.length > 0; changed; round++) {
    if (round === MOST_ROUNDS)
      throw new DownloadError("download_failed", "The files of the model change at their source while they are fetched.");
    changed = false;
    for (const file of unsure) {
      if ((await readPartOrigin(noteOf(file.path))) === undefined) continue;
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

export const isChecksumMismatch = (error: unknown): boolean =>
  error instanceof DownloadError && error.code === "checksum_mismatch";

/** For `catch`: a failed source of the list of files is a failed source of the download. */
export function throwDownloadError(error: unknown): never {
  throw error instanceof SourceError
    ? new DownloadError(error.code, error.message, {
        public_message: error.public_message,
        retry_ms: error.retry_ms,
        cause: error,
      })
    : error;
}
