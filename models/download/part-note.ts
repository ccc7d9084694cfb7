// `<target>.part.json`: the source whose bytes a part holds.
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import { fsyncFolder } from "../fsync-folder.ts";

/** A source's bytes can be continued while its address and its entity tag stay the same. */
const PartOrigin = v.object({ url: v.string(), etag: v.string() });
export type PartOrigin = v.InferOutput<typeof PartOrigin>;

/** Undefined where there is none, or one that is damaged or of another version: the part starts over. */
export async function readPartOrigin(note: string): Promise<PartOrigin | undefined> {
  try {
    return v.parse(PartOrigin, JSON.parse(await readFile(note, "utf8")));
  } catch {
    return undefined;
  }
}

/** Writes the note whole or not at all; it is on the disk when this resolves. */
export async function writePartOrigin(note: string, origin: PartOrigin): Promise<void> {
  // The name ends as a part's does, so that a removal of what downloads have left finds it.
  const fresh = note.replace(/\.part\.json$/, ".new.part");
  await rm(fresh, { force: true }); // a link in its place is not written through
  const handle = await open(fresh, "wx", 0o600);
  try {
    await handle.writeFile(JSON.stringify(origin));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, note);
  await fsyncFolder(dirname(note));
}
