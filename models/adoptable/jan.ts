// Jan's models: files that are mostly called `model.gguf`, each in a folder with its name.
import { join, relative, sep } from "node:path";
import { stemOf } from "../reference.ts";
import { janDataFolders } from "./jan-folders.ts";
import type { FindFiles } from "./model-place.ts";
import { weightsBelow } from "./weights-below.ts";

/** Newer ones first. */
const BELOW = [["llamacpp", "models"], ["models"]];

export const findInJan: FindFiles = async function* (places) {
  for (const data of await janDataFolders(places)) {
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
