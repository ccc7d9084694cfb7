// Room on the disk: a download ends while there is still enough for everything else that ingle writes.
import { statfs } from "node:fs/promises";
import { SourceError } from "../sources/source-error.ts";

/** Bytes that a download leaves free, so that the store can go on writing. */
export const RESERVE = 100e6;

/** Throws `SourceError` `insufficient_storage` where the disk of `folder` cannot take so many more bytes. */
export async function checkSpace(folder: string, bytes: number, free = freeBytes): Promise<void> {
  const there = await free(folder);
  if (there >= bytes + RESERVE) return;
  const numbers = `${mb(bytes)} more are needed, ${mb(there)} are free, and ${mb(RESERVE)} are kept for other records`;
  throw new SourceError(`The disk of ${folder} has too little room: ${numbers}.`, { code: "insufficient_storage" });
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function mb(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
