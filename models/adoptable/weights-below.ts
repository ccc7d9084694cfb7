import { partOf } from "../split-gguf.ts";
import { isBesideModel } from "../sources/choose-model-files.ts";
import { isProjector } from "../sources/choose-projector.ts";
import { filesBelow } from "./walk.ts";

/** The GGUF files below a folder, of a split one the first part; what belongs to a model comes along with that. */
export async function weightsBelow(folder: string): Promise<string[]> {
  const files = await filesBelow(folder);
  return files.filter((path) => {
    const name = path.split(/[/\\]/).at(-1)!;
    return /\.gguf$/i.test(name) && partOf(name).no === 1 && !isProjector(name) && !isBesideModel(name);
  });
}
