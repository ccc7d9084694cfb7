import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DownloadError } from "./download-errors.ts";

/**
 * Makes a model's folder with mode 0700, and the one above it, where they are missing. Nothing further up is made: a data folder that is
 * gone is not brought back. Throws `DownloadError` where a link to another disk leads nowhere, and what the disk throws.
 */
export async function makeModelFolder(folder: string): Promise<void> {
  // One after the other: made at once, they would bring back what is above them.
  for (const path of [dirname(folder), folder]) {
    await mkdir(path, { mode: 0o700 }).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
      await stat(path).catch((cause) => {
        const public_message = "The disk with the weights is not there.";
        throw new DownloadError("download_failed", `${path} is a link that leads nowhere. Is that disk there?`, {
          public_message,
          cause,
        });
      });
    });
  }
}
