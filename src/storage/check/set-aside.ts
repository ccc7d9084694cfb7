// `ingle check --fix`: what was found is moved out of the way, with every byte of it, to where a person can look at it.
import { dirname, join } from "node:path";
import { SET_ASIDE } from "./check.ts";
import type { FolderFinding } from "./folder.ts";
import { disk } from "../drivers/fs-durable/file-system.ts";

/**
 * Moves each finding that can be moved to `set-aside/<stamp>/` below the folder, under the path that it had, durably and one by
 * one: whatever ends it in between leaves each in its old place or in the new one. Answers with the paths that it moved. Throws
 * where `set-aside` is not a folder, and what the disk throws.
 */
export async function setAside(folder: string, findings: FolderFinding[], stamp: string): Promise<string[]> {
  // Through a link it would all leave the folder.
  if (!["folder", undefined].includes(await disk.kind(join(folder, SET_ASIDE)))) {
    throw new Error(`"${SET_ASIDE}" in ${folder} is not a folder, so nothing can be set aside there. Move it away first.`);
  }
  const moved: string[] = [];
  const made = new Set<string>();
  const target = join(folder, SET_ASIDE, stamp);
  for (const { path } of findings.filter(({ can_be_set_aside }) => can_be_set_aside)) {
    const to = join(target, path);
    await makeFolders(folder, dirname(to), made);
    await disk.rename(join(folder, path), to);
    await disk.sync(dirname(to));
    await disk.sync(dirname(join(folder, path)));
    moved.push(path);
  }
  return moved;
}

async function makeFolders(base: string, folder: string, made: Set<string>): Promise<void> {
  if (folder === base || made.has(folder)) return;
  await makeFolders(base, dirname(folder), made);
  await disk.mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await disk.sync(dirname(folder));
  made.add(folder);
}
