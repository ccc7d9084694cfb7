// `ingle check`: walks a data folder and names what is damaged, foreign or orphaned: its root here, each folder below in a file of
// check/. Writes nothing but the notes of weights that it has hashed; `setAside` moves, nothing deletes.
import { KV_CACHE_FOLDER } from "../../../models/saved-state-files.ts";
import { TEMPLATES_FOLDER } from "../../../models/template-files.ts";
import { createCheckedFolder, IGNORED, type CheckedFolder, type FolderCheckOptions, type FolderFinding } from "./folder.ts";
import { checkRecords, type Records } from "./records.ts";
import { checkStates } from "./states.ts";
import { checkTemplates } from "./templates.ts";
import { checkWeights, WEIGHTS } from "./weights.ts";
import { HISTORY_FILE, LOCK_FILE, MARKER, SET_ASIDE } from "../file-names.ts";
import { TEMPORARY } from "../drivers/fs-durable.ts";
import { KINDS } from "../store.ts";

export interface CheckReport extends Pick<Records, "sound"> {
  findings: FolderFinding[];
}

const FOLDERS = [...Object.keys(KINDS), WEIGHTS, KV_CACHE_FOLDER, TEMPLATES_FOLDER, SET_ASIDE];

/** Throws what the disk throws when a folder cannot be read at all. */
export async function checkFolder(folder: string, options: FolderCheckOptions): Promise<CheckReport> {
  const checked = createCheckedFolder(folder, options);
  await checkRoot(checked);
  const { sound, ...models } = await checkRecords(checked);
  await checkWeights(checked, models);
  await checkStates(checked, models.models);
  await checkTemplates(checked);
  return { findings: checked.findings, sound };
}

/** Folders that may lie on another disk, behind a link. What else lies there may be that of others, so none of it is foreign. */
const LINKABLE = [WEIGHTS, KV_CACHE_FOLDER];

async function checkRoot({ entries, report, misplaced, targetKind }: CheckedFolder): Promise<void> {
  for (const { name, kind } of await entries("")) {
    if (name === MARKER || name === HISTORY_FILE || name.startsWith(LOCK_FILE) || TEMPORARY.test(name) || IGNORED.test(name))
      continue;
    if (!FOLDERS.includes(name)) report("foreign", name, "It is none of ingle's files.");
    else if (kind !== "folder") {
      misplaced.add(name);
      const target = LINKABLE.includes(name) ? await targetKind(name) : "other";
      if (target === "nothing") report("damaged", name, "It is a link that leads nowhere. Is that disk there?", false);
      else if (target !== "folder") report("damaged", name, "It is not a folder.", false);
    }
  }
}
