// Whether weights on the disk are still those that a state was made with.
import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { allParts } from "../../../models/split-gguf.ts";

/** The start of a file with its metadata: a header of another model differs there. */
const START = 1024 * 1024;

/**
 * Changes with the weights: of each part its length, its times, which no write leaves alone, and its start. A digest of it all
 * would take a load's time again. Throws what the disk throws.
 */
export async function weightsDigest(path: string): Promise<string> {
  const sum = createHash("sha256");
  for (const part of allParts(path)) sum.update(await fileStamp(part)).update(await startOf(part));
  return sum.digest("hex");
}

/** Of any file: its length and its times. Throws what the disk throws. */
export async function fileStamp(path: string): Promise<string> {
  const { size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return JSON.stringify([size, mtimeNs, ctimeNs].map(String));
}

async function startOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(START);
    const { bytesRead } = await file.read(bytes, 0, START, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
