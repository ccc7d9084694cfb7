// What a file is that should have been a model.
import { GgufError, readGgufFile } from "./header.ts";

export const GGUF_MAGIC = "GGUF";

/** Of a file on this disk, by its header, as a sentence; undefined where it is a model. Throws what the disk throws. */
export async function findDamage(path: string): Promise<string | undefined> {
  try {
    await readGgufFile(path);
    return undefined;
  } catch (error) {
    if (error instanceof GgufError) return error.message;
    throw error;
  }
}

/** By its first bytes. */
export function describeWrongStart(head: string): string {
  return head.startsWith("<")
    ? "It sent a web page instead of a model."
    : `It sent a file that does not begin with ${GGUF_MAGIC}.`;
}
