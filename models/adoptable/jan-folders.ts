// The data folders of Jan: where each of its versions keeps them on each system, and where its settings put them.
import { isAbsolute, join } from "node:path";
import * as v from "valibot";
import { type ProgramPlaces, readNote } from "./model-place.ts";

const Settings = v.object({ data_folder: v.pipe(v.string(), v.check(isAbsolute)) });

/** Where the settings lie below the folder of all programs: until 0.5, and since 0.6 where there were none of an older version. */
const OWN_FOLDERS = ["Jan", "jan.ai.app"];

/** Absolute paths, whether they are there or not: first those that settings name, then those of each version, the newest first. */
export async function janDataFolders(places: ProgramPlaces): Promise<string[]> {
  const above = foldersOfPrograms(places);
  const notes = above.flatMap((folder) => OWN_FOLDERS.map((own) => readNote(join(folder, own, "settings.json"))));
  const chosen = (await Promise.all(notes)).flatMap((note) => (v.is(Settings, note) ? [note.data_folder] : []));
  // Jan 0.4 had its folder in the home folder itself.
  return [...new Set([...chosen, ...above.map((folder) => join(folder, "Jan", "data")), join(places.home, "jan")])];
}

function foldersOfPrograms({ env, home, platform }: ProgramPlaces): string[] {
  if (platform === "darwin") return [join(home, "Library", "Application Support")];
  if (platform === "win32") return [env.APPDATA || join(home, "AppData", "Roaming")];
  const own = [env.XDG_DATA_HOME || join(home, ".local", "share"), env.XDG_CONFIG_HOME || join(home, ".config")];
  const flatpak = join(home, ".var", "app", "ai.jan.Jan");
  return [...own, join(flatpak, "data"), join(flatpak, "config")];
}
