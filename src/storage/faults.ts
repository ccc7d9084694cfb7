// What can go wrong with a store, and what the client is answered. Paths and the system's words go to the log, as `cause`.
import { isDiskFull, systemCodeOf } from "../../models/system-code.ts";
import { ApiError } from "../http/errors.ts";
import { quote } from "../support/quote.ts";

/** What stands in a record's place is not a record: the bytes themselves, not the disk, are at fault. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
}

/** The change was made, but the disk did not confirm it, so whether it stays is not known. Its cause is what went wrong. */
export class UncertainWriteError extends Error {
  override readonly name = "UncertainWriteError";
}

export function uncertainWrite(path: string, cause: unknown): UncertainWriteError {
  return new UncertainWriteError(`The name ${path} may not be on the disk.`, { cause });
}

/** For records as for lists: a failure of the record alone, which hides no other. */
export function isRecordFault(error: unknown): boolean {
  return error instanceof DamagedError || UNREADABLE.has(systemCodeOf(error));
}

// Codes that concern one file, not the disk: permissions, and things that are no files.
const UNREADABLE = new Set(["EACCES", "EPERM", "EISDIR", "ELOOP", "ENXIO", "ENODEV", "EOPNOTSUPP", "ENOTDIR"]);
const BUSY = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"]);
// Codes and messages of a client that does not reach its server, such as Redis, and of a Redis that starts.
const UNREACHABLE = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
const UNREACHABLE_WORDS =
  /^(Connection is closed|Command timed out|Reached the max retries|Stream isn't writeable|LOADING |MASTERDOWN )/;
const FULL_WORDS = /^OOM /;
const READ_ONLY = new Set(["EROFS", "EACCES", "EPERM"]);

/** For `catch`: what is not there reads as undefined. */
export function undefinedIfAbsent(error: unknown): undefined {
  if (systemCodeOf(error) !== "ENOENT") throw error;
}
const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : "");
const isUnreachable = (error: unknown): boolean =>
  UNREACHABLE.test(systemCodeOf(error)) || UNREACHABLE_WORDS.test(wordsOf(error));

/** `what` as in "thread thread_01jd…". Throws nothing; an `ApiError` stays what it is. */
export function readFault(what: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof DamagedError) {
    const sentence = `The record of ${what} is damaged. "ingle check" says how, "ingle check --fix" sets it aside.`;
    return failure(500, "corrupted_entity", sentence, error);
  }
  if (BUSY.has(systemCodeOf(error))) return unavailable("The server has too many files open.", error);
  if (isUnreachable(error)) return unavailable("The storage cannot be reached.", error);
  return storageError(`The record of ${what} cannot be read: the disk or its permissions are at fault.`, error);
}

export function writeFault(what: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof UncertainWriteError) return uncertainFault(what, error.cause);
  const code = systemCodeOf(error);
  if (isDiskFull(error) || FULL_WORDS.test(wordsOf(error))) {
    const sentence = "The disk is full: nothing was changed. Free some space and send the request again.";
    return failure(507, "insufficient_storage", sentence, error);
  }
  if (BUSY.has(code)) return unavailable("The server has too many files open: nothing was changed.", error);
  if (isUnreachable(error))
    return unavailable("The storage cannot be reached: whether anything was changed is not known.", error);
  if (error instanceof RangeError) {
    return failure(413, "request_too_large", `The change would make ${what} too large to be kept. Send less.`, error);
  }
  const why = READ_ONLY.has(code) ? "the data folder cannot be written to" : "the disk reported an error";
  return storageError(`The change of ${what} could not be saved: ${why}. Look at the server's log before trying again.`, error);
}

function uncertainFault(what: string, cause: unknown): ApiError {
  if (BUSY.has(systemCodeOf(cause))) {
    return unavailable(`The server has too many files open: whether ${what} was changed is not known.`, cause);
  }
  const state = `Whether the change of ${what} was saved is not known: the disk reported an error.`;
  return storageError(`${state} Look at the server's log and start it again.`, cause);
}

/** A thread is removed, and not all of its messages are. */
export function messagesLeft(thread_id: string, cause: unknown): ApiError {
  const state = `The thread ${quote(thread_id)} is removed, but some of its messages are still on the disk.`;
  return storageError(`${state} "ingle check --fix" sets them aside.`, cause);
}

/** 503: nothing is wrong with what was asked, and later it may work. */
export function unavailable(sentence: string, cause?: unknown): ApiError {
  return failure(503, "storage_unavailable", `${sentence} Try again later.`, cause, { "retry-after": "2" });
}

const storageError = (sentence: string, cause: unknown): ApiError => failure(500, "storage_error", sentence, cause);

function failure(status: number, code: string, sentence: string, cause: unknown, headers = {}): ApiError {
  return new ApiError(status, sentence, { code, headers, cause });
}
