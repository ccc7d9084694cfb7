// Models that embed and rank, in a data folder: real weights of the one, random ones of the other.
import { fillFromHeader } from "../../models/gguf/fill-from-header.ts";
import { readGgufFile } from "../../models/gguf/header.ts";
import { withLibrary } from "./library.ts";
import { realEncoder } from "./real-encoder.ts";
import { record } from "./record.ts";
import { installedAs, tinyEncoder } from "./tiny-encoders.ts";

/** all-MiniLM-L6-v2, whose record says that its vectors may be cut, as clients ask for that too. */
export const ENCODER = "minilm";
export const RANKER = "ranker";

/** Into a folder that nobody holds. Why there is none, fit for a test's name. */
export async function addEncoders(data: string): Promise<{ skip?: string }> {
  const { path, skip } = await realEncoder("mean");
  if (skip !== undefined) return { skip };
  const ranker = await installedAs(RANKER, tinyEncoder({ pooling: "rank", rank_head: true }));
  const files = [
    [ENCODER, path, { matryoshka: true }],
    [RANKER, ranker.path, {}],
  ] as const;
  await withLibrary(data, async (library) => {
    for (const [id, path, more] of files)
      await library.add(fillFromHeader({ ...record(id, path), ...more }, await readGgufFile(path)));
  });
  return {};
}
