// `ingle check --fix`: what was found is moved out of the way, with every byte of it, to where a person can look at it. A thread
// whose record goes gets a new one, so that its messages stay where they are.
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import type { FolderFinding } from "./folder.ts";
import { isThreadRecord, recoveredThread, REPLACEMENT } from "./recovered-thread.ts";
import { serialize } from "../collection.ts";
import { undefinedIfAbsent } from "../faults.ts";
import { SET_ASIDE } from "../file-names.ts";
import { disk, type FileSystem } from "../drivers/fs-durable/file-system.ts";

/**
 * Moves each finding that can be moved to `set-aside/<stamp>/` below the folder, under the path that it had, durably and one by
 * one: whatever ends it in between leaves each in its old place or in the new one, and a second run ends what it began.
 * Answers with the paths that it moved. Throws where `set-aside` is not a folder, and what the disk throws.
 */
export async function setAside(
  folder: string,
  findings: FolderFinding[],
  stamp: string,
  files: FileSystem = disk,
): Promise<string[]> {
  // Through a link it would all leave the folder.
  if (!["folder", undefined].includes(await files.kind(join(folder, SET_ASIDE)))) {
    throw new Error(`"${SET_ASIDE}" in ${folder} is not a folder, so nothing can be set aside there. Move it away first.`);
  }
  const moved: string[] = [];
  const made = new Set<string>();
  for (const finding of findings.filter(({ can_be_set_aside }) => can_be_set_aside)) {
    if (isThreadRecord(finding)) await replaceThread(finding.path);
    else await move(finding.path);
    moved.push(finding.path);
  }
  return moved;

  async function move(path: string): Promise<void> {
    const to = join(folder, SET_ASIDE, stamp, path);
    await makeFolders(dirname(to));
    await files.rename(join(folder, path), to);
    await files.sync(dirname(to));
    await files.sync(dirname(join(folder, path)));
  }

  /** The new record is on the disk before the damaged one goes: a thread without either would lose its messages to the next check. */
  async function replaceThread(path: string): Promise<void> {
    const [place, threads] = [join(folder, path), dirname(join(folder, path))];
    const bytes = new TextEncoder().encode(serialize(recoveredThread(path)));
    const temporary = join(threads, `.${randomUUID()}.tmp`);
    await files.put({ folders: [threads], temporary, path: `${place}${REPLACEMENT}`, bytes });
    await move(path).catch(undefinedIfAbsent);
    await files.rename(`${place}${REPLACEMENT}`, place);
    await files.sync(threads);
  }

  async function makeFolders(path: string): Promise<void> {
    if (path === folder || made.has(path)) return;
    await makeFolders(dirname(path));
    await files.mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await files.sync(dirname(path));
    made.add(path);
  }
}
