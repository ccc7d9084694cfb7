// What is known of a file of weights: a note beside it, or in the model's folder for one that is used in place. Such facts are about this
// disk, so they are no part of a model's record, which other nodes may share.
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { hashFile } from "../../models/download/part-hash.ts";
import { fileStamp } from "../../models/file-stamp.ts";
import { makeModelFolder } from "../../models/model-folder.ts";
import { disk } from "./drivers/fs-durable/file-system.ts";

const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const WeightNote = v.object({
  /** `fileStamp` of the file when its sha256 was made. */
  stamp: v.string(),
  /** What its bytes had then. */
  sha256: Sha256,
  /** What they must have: as it was fetched, or as it was found first. */
  expected: Sha256,
});
export type WeightNote = v.InferOutput<typeof WeightNote>;

/** Ends the name of a note. */
const NOTE = ".sha256.json";

/** The note of the file of this name in a model's folder. */
export const notePath = (folder: string, name: string): string => join(folder, `${name}${NOTE}`);

/** Bytes. */
const MOST = 4_096;

export const isDamaged = ({ sha256, expected }: WeightNote): boolean => sha256 !== expected;

/** Undefined where there is none, and where it cannot be read: the file is hashed again then. */
export async function readWeightNote(path: string): Promise<WeightNote | undefined> {
  try {
    return v.parse(WeightNote, JSON.parse(new TextDecoder().decode(await disk.read(path, MOST))));
  } catch {
    return undefined;
  }
}

/** Makes the sha256 of a file, again where it was written meanwhile; `expected` as far as it is known. Throws as `hashFile`. */
export async function makeWeightNote(path: string, expected: string | undefined, signal: AbortSignal): Promise<WeightNote> {
  for (;;) {
    const stamp = await fileStamp(path);
    const sha256 = await hashFile(path, signal);
    if ((await fileStamp(path)) === stamp) return { stamp, sha256, expected: expected ?? sha256 };
  }
}

/** Writes a note whole or not at all, and makes its folder where only that and the one above are missing. Throws what the disk throws. */
export async function writeWeightNote(path: string, note: WeightNote): Promise<void> {
  const folder = dirname(path);
  await makeModelFolder(folder);
  const temporary = join(folder, `.sha256-${randomBytes(8).toString("hex")}.tmp`);
  await disk.put({ folders: [], temporary, path, bytes: new TextEncoder().encode(`${JSON.stringify(note, null, 2)}\n`) });
}
