// The files below a folder of another program.
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const DEEPEST = 8;
/** Folders of programs have some thousands at most: this bounds a walk that was led somewhere else. */
const MOST_ENTRIES = 50_000;

/** Absolute paths, in the order of their names. Links to files are followed, links to folders are not. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  let left = MOST_ENTRIES;
  const look = async (place: string, depth: number): Promise<void> => {
    for (const entry of await entriesOf(place)) {
      if (left-- <= 0) return;
      const path = join(place, entry.name);
      if (entry.isDirectory() && depth < DEEPEST) await look(path, depth + 1);
      if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(path)))) found.push(path);
    }
  };
  await look(folder, 0);
  return found;
}

/** Empty where the folder is not there, or not this user's to read. */
export async function entriesOf(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
