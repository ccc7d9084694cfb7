import { stat } from "node:fs/promises";

/**
 * Device and inode of a folder. Where they differ, on the same machine, it is most likely another folder; a network disk that is
 * mounted twice, and a file system whose inodes come and go, have several for one.
 */
export async function folderIdOf(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder, { bigint: true });
  return `${dev}:${ino}`;
}
