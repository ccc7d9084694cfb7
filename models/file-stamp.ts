// Tells cheaply whether a file may have changed.
import { stat } from "node:fs/promises";

/**
 * The length and the times of a file, links followed: a write, a rename and a restore each change one of them. Nobody can set the time
 * of the last change of its inode (ctime), of which Deno tells whole seconds. Throws what the disk throws.
 */
export async function fileStamp(path: string): Promise<string> {
  const { size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return JSON.stringify([size, mtimeNs, ctimeNs].map(String));
}
