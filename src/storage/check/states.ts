// The saved states of conversations: only the engine can tell whether a state is whole, when it restores it.
import {
  KV_CACHE_FOLDER,
  SAVED_STATE_FILE,
  STATE_FILE_WITHOUT_KEY,
  UNFINISHED_STATE_FILE,
} from "../../../models/saved-state-files.ts";
import type { Model } from "../../../models/manifest.ts";
import { encodeKey, isKey } from "../encode-key.ts";
import { IGNORED, type CheckedFolder } from "./folder.ts";

/** `models`: those whose records are sound. What is kept for another one is left alone: its record may be mended. */
export async function checkStates(
  { report, entries, mayBeInUse, isOfMissingModel }: CheckedFolder,
  models: readonly Model[],
): Promise<void> {
  const sound = new Set(models.map(({ id }) => encodeKey(id)));
  for (const { name, kind } of await entries(KV_CACHE_FOLDER)) {
    const place = `${KV_CACHE_FOLDER}/${name}`;
    if (IGNORED.test(name)) continue;
    if (kind !== "folder" || !isKey(name)) report("foreign", place, "It is not a model's folder.");
    else if ((await isOfMissingModel(name)) && (await entries(place)).length > 0)
      report("orphaned", place, "The conversations that are kept here are those of a model that is gone.");
    else if (sound.has(name)) await statesOf(place);
  }

  async function statesOf(place: string): Promise<void> {
    for (const { name, kind } of await entries(place)) {
      const path = `${place}/${name}`;
      const unfinished = UNFINISHED_STATE_FILE.test(name);
      if (kind === "file" && STATE_FILE_WITHOUT_KEY.test(name))
        report("orphaned", path, "It was kept by an older ingle, which did not note whose it is: the next start removes it.");
      else if (kind !== "file" || !(unfinished || SAVED_STATE_FILE.test(name) || IGNORED.test(name)))
        report("foreign", path, "It is not a conversation that ingle has kept.");
      else if (unfinished && !(await mayBeInUse(path)))
        report("orphaned", path, "It is half of a conversation: its writer was killed.");
    }
  }
}
