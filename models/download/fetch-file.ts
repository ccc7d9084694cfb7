// A file of a model from the first of its sources that gives the right bytes.
import { lstat } from "node:fs/promises";
import { type DownloadCode, DownloadError, SourceError } from "../download-errors.ts";
import type { ModelFile } from "../manifest.ts";
import { openPartialFile } from "./partial-file.ts";
import { driverOf } from "../sources/registry.ts";
import { isDiskFull } from "../system-code.ts";
import type { DownloadOptions } from "../sources/source.ts";

export interface DownloadRequest {
  file: ModelFile;
  /** Absolute path. */
  target: string;
  options: DownloadOptions;
}

/** As `download` says, in the calling thread; `blocking`: see `openPartialFile`. */
export async function* fetchFile({ file, target, options }: DownloadRequest, signal: AbortSignal, blocking = false) {
  if (await isWhole(file, target)) return;
  const problems: string[] = [];
  const codes = new Set<DownloadCode>();
  try {
    const part = await openPartialFile(target, file, blocking, options.free);
    try {
      for (const source of file.sources) {
        signal.throwIfAborted();
        const problem = problems.at(-1);
        const driver = driverOf(source, options.drivers);
        const name = driver.describe(source);
        try {
          const steps = driver.fetch(source, { part, file, target, options, signal });
          for await (const step of steps) yield { source: name, ...(problem && { problem }), ...step };
          return await part.finish(signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof SourceError)) throw error;
          // No other source is tried: its file is as large.
          if (error.code === "insufficient_storage")
            throw new DownloadError(error.code, `"${file.name}": ${error.message} ${KEPT}`);
          codes.add(error.code);
          problems.push(`${name}: ${error.message}`);
        }
      }
    } finally {
      await part.close();
    }
  } catch (error) {
    throw isDiskFull(error) ? diskFullError(file, error) : error;
  }
  const [code = "download_failed", ...others] = codes;
  const reasons = problems.join(" ") || "It has no source.";
  throw new DownloadError(others.length > 0 ? "download_failed" : code, `"${file.name}" could not be downloaded. ${reasons}`);
}

const KEPT = "What has come is kept: free some space and start again.";

/** A file gets its name only after it was checked, so a file of that name and size is whole. */
async function isWhole(file: ModelFile, target: string): Promise<boolean> {
  const found = await lstat(target).catch(() => undefined);
  return found?.isFile() === true && found.size === (file.size ?? found.size);
}

function diskFullError({ name, size }: ModelFile, cause: unknown): DownloadError {
  const need = size === undefined ? "" : ` The file takes ${Math.ceil(size / 1e6)} MB.`;
  const message = `The disk is full: "${name}" could not be written to its end.${need} ${KEPT}`;
  return new DownloadError("insufficient_storage", message, { cause });
}
