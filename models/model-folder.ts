import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a model's folder with mode 0700, and the one above it, where they are missing. Nothing further up is made: a data folder that is
 * gone is not brought back. Throws what the disk throws.
 */
export async function makeModelFolder(folder: string): Promise<void> {
  // One after the other: made at once, they would bring back what is above them.
  for (const path of [dirname(folder), folder]) {
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}
