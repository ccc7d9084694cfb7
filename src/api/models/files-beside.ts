// What belongs to a model file that is used in place: the other parts of the model, and its projector.
import { readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isBesideModel } from "../../../models/sources/choose-model-files.ts";
import { baseNameOf, chooseProjector, isProjector } from "../../../models/sources/choose-projector.ts";
import { allParts } from "../../../models/split-gguf.ts";

/** Both paths are absolute. */
export interface NamedFile {
  /** Where the file lies. */
  real: string;
  /** Where its name stands: a link in the cache of the hub, which keeps the files themselves under their sha256. */
  named: string;
}

type IsUsable = (path: string) => Promise<boolean>;

/**
 * The paths of all parts of a split model, in order, and those of them that are missing. The engine finds parts by their names in one
 * folder, so these may be links; any other file is where it lies.
 */
export async function findParts({ real, named }: NamedFile, isUsable: IsUsable): Promise<{ paths: string[]; missing: string[] }> {
  const places = [real, named].map(allParts).filter((paths) => paths.length > 1);
  const found = await Promise.all(
    places.map(async (paths) => {
      const usable = await Promise.all(paths.map(isUsable));
      return { paths, missing: paths.filter((_, at) => !usable[at]) };
    }),
  );
  return found.find(({ missing }) => missing.length === 0) ?? found.at(-1) ?? { paths: [real], missing: [] };
}

/** The projector in the folder of a model, chosen as in a repository; beside other models only one that has this model's name. */
export async function findProjector({ real, named }: NamedFile, isUsable: IsUsable): Promise<string | undefined> {
  for (const path of new Set([named, real])) {
    const [folder, weights] = [dirname(path), basename(path)];
    const names = (await readdir(folder).catch(() => [])).filter((name) => /\.gguf$/i.test(name));
    const isOfModel = (name: string): boolean => baseNameOf(name) === baseNameOf(weights);
    const is_alone = names.every((name) => isProjector(name) || isBesideModel(name) || isOfModel(name));
    const projectors = names.filter((name) => isProjector(name) && (is_alone || isOfModel(name)));
    const chosen = chooseProjector(
      projectors.map((name) => ({ path: name })),
      weights,
    );
    if (chosen !== undefined && (await isUsable(join(folder, chosen.path)))) return realpath(join(folder, chosen.path));
  }
  return undefined;
}
