// `<target>.part.json`: the source whose bytes a part holds, and by what they are known again.
import { lstat, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import { fsyncFolder } from "../fsync-folder.ts";
import type { LocatedResponse } from "./dial.ts";

/** Where bytes came from, and what shows later whether further bytes are of the same version of the file. */
const PartOrigin = v.object({
  /** Address of the source. */
  url: v.string(),
  /** Host and path behind all redirects; an entity tag says nothing about another place. */
  place: v.optional(v.string()),
  /** The entity tag as it was sent. */
  etag: v.optional(v.string()),
  /** Bytes of the whole file. */
  total: v.optional(v.number()),
  /** What was known of the file before its first byte came. */
  sha256: v.optional(v.string()),
});
export type PartOrigin = v.InferOutput<typeof PartOrigin>;

export function originOf(url: URL, response: LocatedResponse, total: number, sha256: string | undefined): PartOrigin {
  const etag = response.headers.get("etag");
  return { url: url.href, place: placeOf(response), total, ...(etag !== null && { etag }), ...(sha256 && { sha256 }) };
}

/**
 * Whether bytes can be added to those of this origin at all: by a strong tag, or where the whole is checked against the `sha256` that
 * it was begun for. A note of an earlier version, which has no `place`, may stand beside bytes of two versions of a file.
 */
export function canContinue({ etag, place, total, ...origin }: PartOrigin, sha256: string | undefined): boolean {
  const strong = strongTag(etag) !== undefined;
  if (sha256 !== undefined) return origin.sha256 === sha256 || (origin.sha256 === undefined && strong);
  return strong && origin.sha256 === undefined && place !== undefined && total !== undefined;
}

/** Whether a response is about the very file of the origin. With a `sha256`, one that says nothing of it by a strong tag counts: the end will show. */
export function isSameFile(origin: PartOrigin, response: LocatedResponse, sha256: string | undefined): boolean {
  const etag = response.headers.get("etag") ?? undefined;
  const tags = [etag, origin.etag].map(strongTag);
  if (sha256 !== undefined) return tags.includes(undefined) || tags[0] === tags[1];
  return strongTag(etag) !== undefined && etag === origin.etag && placeOf(response) === origin.place;
}

/** Undefined for a tag that promises no equality of bytes: a weak one, an empty one, one without quotes (RFC 9110 §8.8.3). */
export function strongTag(etag: string | null | undefined): string | undefined {
  return etag && /^"[\x21\x23-\x7e\x80-\xff]+"$/.test(etag) ? etag : undefined;
}

/** Without the query: a signature there is another one each time. */
function placeOf({ url }: LocatedResponse): string {
  return url.origin + url.pathname;
}

/** Path of the note of a file, which stays beside one of several until all are here. */
export const noteOf = (target: string): string => `${target}.part.json`;

/** Undefined where there is none, or one that is damaged: the part starts over. */
export async function readPartOrigin(note: string): Promise<PartOrigin | undefined> {
  try {
    // A pipe in its place would be waited for without end.
    if (!(await lstat(note)).isFile()) return undefined;
    return v.parse(PartOrigin, JSON.parse(await readFile(note, "utf8")));
  } catch {
    return undefined;
  }
}

/** Writes the note whole or not at all; it is on the disk when this resolves. */
export async function writePartOrigin(note: string, origin: PartOrigin): Promise<void> {
  // The name ends as a part's does, so that a removal of what downloads have left finds it.
  const fresh = note.replace(/\.part\.json$/, ".new.part");
  await rm(fresh, { force: true }); // a link in its place is not written through
  const handle = await open(fresh, "wx", 0o600);
  try {
    await handle.writeFile(JSON.stringify(origin));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, note);
  await fsyncFolder(dirname(note));
}
