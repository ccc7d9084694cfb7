// Free space on the disk: a download ends while there is still enough for everything else that ingle writes.
import { statfs } from "node:fs/promises";
import { SourceError } from "../download-errors.ts";

/** Bytes that a download leaves free, so that the store can go on writing. */
export const RESERVED_BYTES = 100e6;

/** Throws `SourceError` `insufficient_storage` where the disk of `folder` cannot take so many more bytes. */
export async function checkDiskSpace(folder: string, bytes: number, free = freeBytes): Promise<void> {
  const available = await free(folder);
  if (available >= bytes + RESERVED_BYTES) return;
  const needed = `${inMegabytes(bytes)} more are needed`;
  const numbers = `${needed}, ${inMegabytes(available)} are free, and ${inMegabytes(RESERVED_BYTES)} are kept for other records`;
  const public_message = `The disk has too little room: ${needed}.`;
  throw new SourceError(`The disk of ${folder} has too little room: ${numbers}.`, {
    code: "insufficient_storage",
    public_message,
  });
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function inMegabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
