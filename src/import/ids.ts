// New ids for old things: the same at every run, and in the order of their age.
import { createHash } from "node:crypto";
import { decodeTime, encodeTime, uuidToULID } from "ulid";

const TAIL = 16;

/**
 * The part of an id that stands for the old thing, 16 characters of 80 bits. Only the old id decides, not the time before it: Jan
 * writes a new `created` into a thread whenever its title changes, and the thread is to be known again nevertheless.
 */
export function tailOf(kind: "thread" | "message" | "assistant" | "document", old: string): string {
  const hex = createHash("sha256").update(`${kind}\n${old}`).digest("hex");
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
  return uuidToULID(uuid).slice(-TAIL).toLowerCase();
}

/** `time` in milliseconds since 1970: the id sorts by it. */
export function idOf(prefix: "thread_" | "msg_" | "asst_", time: number, tail: string): string {
  return prefix + encodeTime(time).toLowerCase() + tail;
}

/** The tails of ids, each with its id. */
export function byTail(ids: readonly string[]): Map<string, string> {
  return new Map(ids.map((id) => [id.slice(-TAIL), id]));
}

/** In milliseconds; undefined for an id that is not of the form which `idOf` gives. */
export function timeOf(id: string): number | undefined {
  try {
    return decodeTime(id.slice(id.indexOf("_") + 1).toUpperCase());
  } catch {
    return undefined;
  }
}
