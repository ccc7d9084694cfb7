// Jan's models: files that are mostly called `model.gguf`, each in a folder with its name.
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import * as v from "valibot";
import { stemOf } from "../reference.ts";
import { type FindFiles, readNote, type ProgramPlaces } from "./model-place.ts";
import { weightsBelow } from "./weights-below.ts";

/** Newer ones first. */
const BELOW = [["llamacpp", "models"], ["models"]];

const Settings = v.object({ data_folder: v.pipe(v.string(), v.check(isAbsolute)) });

export const findInJan: FindFiles = async function* (places) {
  for (const data of new Set(await dataFolders(places))) {
    for (const below of BELOW) {
      const folder = join(data, ...below);
      for (const path of await weightsBelow(folder)) {
        const above = relative(folder, path).split(sep).slice(0, -1);
        const stem = stemOf(path);
        const words = stem.toLowerCase() === "model" && above.length > 0 ? above : [...above, stem];
        yield { program: "Jan", id: words.join("/"), path };
      }
    }
  }
};

/** The folders of each era, and the one that its settings name. */
async function dataFolders({ env, home, platform }: ProgramPlaces): Promise<string[]> {
  const usual: Record<string, string[]> = {
    darwin: [join(home, "Library", "Application Support")],
    win32: [env.APPDATA || join(home, "AppData", "Roaming")],
  };
  const linux = [env.XDG_DATA_HOME || join(home, ".local", "share"), env.XDG_CONFIG_HOME || join(home, ".config")];
  const folders = (usual[platform] ?? linux).map((place) => join(place, "Jan", "data"));
  const settings = await Promise.all(folders.map((folder) => readNote(join(dirname(folder), "settings.json"))));
  const chosen = settings.flatMap((each) => (v.is(Settings, each) ? [each.data_folder] : []));
  return [...chosen, ...folders, join(home, "jan")];
}
