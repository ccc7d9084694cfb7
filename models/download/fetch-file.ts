// A file of a model from the first of its sources that gives the right bytes.
import { type DownloadCode, DownloadError, SourceError } from "../download-errors.ts";
import type { ModelFile } from "../manifest.ts";
import { openPartialFile } from "./partial-file.ts";
import { driverOf } from "../sources/registry.ts";
import { isDiskFull } from "../system-code.ts";
import type { DownloadOptions, DownloadProgress, FileTransfer, TransferStep } from "../sources/source.ts";
import { problemOf } from "./failure-words.ts";
import { isWhole } from "./whole-file.ts";

export interface DownloadRequest {
  file: ModelFile;
  /** Absolute path. */
  target: string;
  options: DownloadOptions;
}

/** As `download` says, in the calling thread; `blocking`: see `openPartialFile`. */
export async function* fetchFile(
  request: DownloadRequest,
  signal: AbortSignal,
  blocking = false,
): AsyncGenerator<DownloadProgress, string | undefined> {
  const { file, target, options } = request;
  if (!options.replace && (await isWhole(file, target, options, signal))) return undefined;
  const problems: Problem[] = [];
  const codes = new Set<DownloadCode>();
  try {
    const part = await openPartialFile(target, file, { ...options, blocking });
    const transfer = { part, file, target, options, signal };
    try {
      for (const source of file.sources) {
        signal.throwIfAborted();
        const before = problems.at(-1);
        const name = driverOf(source, options.drivers).describe(source);
        try {
          for await (const step of fetchFrom(source, transfer)) yield { source: name, ...(before && problemOf(before)), ...step };
          return part.sha256;
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof SourceError)) throw error;
          // No other source is tried: its file is as large.
          if (error.code === "insufficient_storage")
            throw failed(error.code, (words) => `"${file.name}": ${words} ${KEPT}`, [error]);
          codes.add(error.code);
          const { message, public_message, retry_ms } = error;
          problems.push({ message: `${name}: ${message}`, public_message: `${name}: ${public_message}`, retry_ms });
        }
      }
    } finally {
      await part.close();
    }
  } catch (error) {
    throw isDiskFull(error) ? diskFullError(file, error) : error;
  }
  const [code = "download_failed", ...others] = codes;
  const textOf = (reasons: string): string => `"${file.name}" could not be downloaded. ${reasons || "It has no source."}`;
  throw failed(others.length > 0 ? "download_failed" : code, textOf, problems, soonest(problems));
}

type Problem = Pick<SourceError, "message" | "public_message" | "retry_ms">;

/** Milliseconds until the first of the sources may have the file again; undefined where none of them will. */
function soonest(problems: Problem[]): number | undefined {
  const times = problems.flatMap(({ retry_ms }) => retry_ms ?? []);
  return times.length > 0 ? Math.min(...times) : undefined;
}

function failed(code: DownloadCode, textOf: (reasons: string) => string, problems: Problem[], retry_ms?: number): DownloadError {
  const [messages, public_messages] = [
    problems.map(({ message }) => message),
    problems.map(({ public_message }) => public_message),
  ];
  return new DownloadError(code, textOf(messages.join(" ")), { public_message: textOf(public_messages.join(" ")), retry_ms });
}

/**
 * The whole file from one source, checked and in its place. Where its bytes came in several answers and are wrong, the source may have
 * two versions of the file: it is asked once more, for all in one answer.
 */
async function* fetchFrom(source: ModelFile["sources"][number], transfer: FileTransfer) {
  const { part, options, signal } = transfer;
  const driver = driverOf(source, options.drivers);
  let problem: Pick<TransferStep, "problem" | "owner_problem"> | undefined;
  for (let again = false; ; again = true) {
    const now = again ? { ...transfer, options: { ...options, parallel: { connections: 0 } } } : transfer;
    for await (const step of driver.fetch(source, now)) yield { ...problem, ...step };
    const { joined } = part;
    try {
      return await part.finish(signal);
    } catch (error) {
      if (again || !joined || !(error instanceof SourceError) || error.code !== "checksum_mismatch") throw error;
      const begun = (words: string): string => `The download was begun again: ${words}`;
      problem = problemOf({ message: begun(error.message), public_message: begun(error.public_message) });
    }
  }
}

const KEPT = "What has come is kept: free some space and start again.";

function diskFullError({ name, size }: ModelFile, cause: unknown): DownloadError {
  const need = size === undefined ? "" : ` The file takes ${Math.ceil(size / 1e6)} MB.`;
  const message = `The disk is full: "${name}" could not be written to its end.${need} ${KEPT}`;
  return new DownloadError("insufficient_storage", message, { cause });
}
