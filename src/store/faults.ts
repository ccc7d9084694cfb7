// What can go wrong with a store, and what the client is told of it. Paths and the system's words go to the log, as `cause`.
import { ApiError } from "../errors.ts";

/** What stands in a record's place is no record: the bytes themselves, not the disk, are at fault. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
}

/** For records as for lists: a failure of the record alone, which hides no other. */
export function isOfOneRecord(error: unknown): boolean {
  return error instanceof DamagedError || UNREADABLE.has(codeOf(error));
}

// Of one file, not of the disk: permissions, and things that are no files.
const UNREADABLE = new Set(["EACCES", "EPERM", "EISDIR", "ELOOP", "ENXIO", "ENODEV", "EOPNOTSUPP", "ENOTDIR"]);
const FULL = new Set(["ENOSPC", "EDQUOT"]);
const BUSY = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"]);
const READ_ONLY = new Set(["EROFS", "EACCES", "EPERM"]);

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? "");

/** `what` as in "thread thread_01jd…". Throws nothing; an `ApiError` stays what it is. */
export function readFault(what: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof DamagedError) {
    return new ApiError(500, `The record of ${what} is damaged. "ingle check" says how, "ingle check --fix" sets it aside.`, {
      code: "corrupted_entity",
      cause: error,
    });
  }
  if (BUSY.has(codeOf(error))) return unavailable("The server has too many files open.", error);
  return new ApiError(500, `The record of ${what} cannot be read: the disk or its permissions are at fault.`, {
    code: "storage_error",
    cause: error,
  });
}

export function writeFault(what: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const code = codeOf(error);
  if (FULL.has(code)) {
    return new ApiError(507, "The disk is full: nothing was changed. Free some space and send the request again.", {
      code: "insufficient_storage",
      cause: error,
    });
  }
  if (BUSY.has(code)) return unavailable("The server has too many files open: nothing was changed.", error);
  const why = READ_ONLY.has(code) ? "the data folder cannot be written to" : "the disk reported an error";
  return new ApiError(500, `The change of ${what} could not be saved: ${why}. Look at the server's log before trying again.`, {
    code: "storage_error",
    cause: error,
  });
}

/** 503: nothing is wrong with what was asked, and later it may work. */
export function unavailable(sentence: string, cause?: unknown): ApiError {
  return new ApiError(503, `${sentence} Try again later.`, {
    code: "storage_unavailable",
    headers: { "retry-after": "2" },
    cause,
  });
}
