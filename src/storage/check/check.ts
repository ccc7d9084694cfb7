// `ingle check`: walks a data folder and names what is damaged, foreign or orphaned: the root here, and what lies below it each in a
// file of check/. Reads only; `setAside` moves, nothing deletes.
import { KV_CACHE_FOLDER } from "../../../models/saved-state-files.ts";
import { checkedFolder, IGNORED, type CheckedFolder, type CheckOptions, type Finding } from "./folder.ts";
import { checkRecords, type Records } from "./records.ts";
import { checkStates } from "./states.ts";
import { checkWeights, WEIGHTS } from "./weights.ts";
import { LOCK_FILE, MARKER } from "../file-names.ts";
import { TEMPORARY } from "../drivers/fs-durable.ts";
import { KINDS } from "../store.ts";

export interface CheckReport extends Pick<Records, "sound"> {
  findings: Finding[];
}

export const SET_ASIDE = "set-aside";
const FOLDERS = [...Object.keys(KINDS), WEIGHTS, KV_CACHE_FOLDER, SET_ASIDE];

/** Throws what the disk throws when a folder cannot be read at all. */
export async function checkFolder(folder: string, options: CheckOptions): Promise<CheckReport> {
  const checked = checkedFolder(folder, options);
  await checkRoot(checked);
  const { sound, ...models } = await checkRecords(checked);
  await checkWeights(checked, models);
  await checkStates(checked);
  return { findings: checked.findings, sound };
}

async function checkRoot({ entries, found, amiss }: CheckedFolder): Promise<void> {
  for (const { name, kind } of await entries("")) {
    if (name === MARKER || name.startsWith(LOCK_FILE) || TEMPORARY.test(name) || IGNORED.test(name)) continue;
    if (!FOLDERS.includes(name)) found("foreign", name, "It is none of ingle's files.");
    else if (kind !== "folder") {
      amiss.add(name);
      found("damaged", name, "It is no folder.", false);
    }
  }
}
