// Tells whether weights on the disk are still those that a state was made with.
import { createHash } from "node:crypto";
import { fileStamp } from "../../../models/file-stamp.ts";
import { allParts } from "../../../models/split-gguf.ts";
import { readExactly, withFile } from "./state-bytes.ts";

/** In bytes: the header of another model differs at the start of its file. */
const START = 1024 * 1024;

/**
 * Changes with the weights: made of the length, the times, which every write changes, and the start of each part. A digest of all bytes would
 * take as long as a load. Throws what the disk throws.
 */
export async function weightsDigest(path: string): Promise<string> {
  const sum = createHash("sha256");
  for (const part of allParts(path)) sum.update(await fileStamp(part)).update(await startOf(part));
  return sum.digest("hex");
}

function startOf(path: string): Promise<Uint8Array> {
  return withFile(path, "r", (file, size) => readExactly(file, Math.min(START, size), 0));
}
