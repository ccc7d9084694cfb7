// Saved states that older releases have left do not say whose conversation they are: no request may go on from them.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { KV_CACHE_FOLDER, STATE_FILE_WITHOUT_KEY } from "../../models/saved-state-files.ts";
import { undefinedIfAbsent } from "./faults.ts";

/** `data`: absolute path of the data folder. Throws what the disk throws. */
export async function removeStatesWithoutKey(data: string): Promise<void> {
  const kv_cache = join(data, KV_CACHE_FOLDER);
  // A link is not followed.
  const models = await readdir(kv_cache, { withFileTypes: true }).catch(undefinedIfAbsent);
  for (const model of models ?? []) {
    if (!model.isDirectory()) continue;
    const folder = join(kv_cache, model.name);
    for (const name of await readdir(folder))
      if (STATE_FILE_WITHOUT_KEY.test(name)) await rm(join(folder, name), { force: true });
  }
}
