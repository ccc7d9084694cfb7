// Tells whether weights on the disk are still those that a state was made with.
import { createHash } from "node:crypto";
import type { InstalledModel } from "../../../models/manifest.ts";
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

/**
 * Changes with the weights, with the files that change some of them (LoRA), and with the other options of the model that decide what a token of
 * its context is. Throws what the disk throws.
 */
export async function modelDigest({
  path,
  adapter_options = {},
}: Pick<InstalledModel, "path" | "adapter_options">): Promise<string> {
  const weights = await weightsDigest(path);
  const { lora = [], ...options } = adapter_options;
  if (Object.keys(adapter_options).length === 0) return weights;
  const changes = await Promise.all(lora.map(async ({ path, scale = 1 }) => [await weightsDigest(path), scale]));
  const sorted = Object.entries(options).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([weights, changes, sorted]))
    .digest("hex");
}

function startOf(path: string): Promise<Uint8Array> {
  return withFile(path, "r", (file, size) => readExactly(file, Math.min(START, size), 0));
}
