// LM Studio's models: `publisher/repository/file.gguf` below the folder that its settings name.
import { readFile } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import * as v from "valibot";
import { stemOf } from "../reference.ts";
import { type FindFiles, readNote, type ProgramPlaces } from "./model-place.ts";
import { weightsBelow } from "./weights-below.ts";

const Settings = v.object({ downloadsFolder: v.pipe(v.string(), v.check(isAbsolute)) });

export const findInLmStudio: FindFiles = async function* (places) {
  for (const folder of new Set(await foldersOf(places))) {
    for (const path of await weightsBelow(folder)) {
      const above = relative(folder, path).split(sep).slice(0, -1);
      yield { program: "LM Studio", id: [...above, stemOf(path)].join("/"), path };
    }
  }
};

async function foldersOf({ home }: ProgramPlaces): Promise<string[]> {
  const pointed = (await readFile(join(home, ".lmstudio-home-pointer"), "utf8").catch(() => "")).trim();
  const homes = [...(isAbsolute(pointed) ? [pointed] : []), join(home, ".lmstudio"), join(home, ".cache", "lm-studio")];
  const named = await Promise.all(homes.map((each) => readNote(join(each, "settings.json"))));
  const chosen = named.flatMap((settings) => (v.is(Settings, settings) ? [settings.downloadsFolder] : []));
  return [...chosen, ...homes.map((each) => join(each, "models"))];
}
