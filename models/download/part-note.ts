// `<target>.part.json`: whose bytes a part holds.
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

/** Whole or not at all, and on the disk when it resolves. */
export async function writePartOrigin(note: string, origin: PartOrigin): Promise<void> {
  // Named so that whoever looks for leftovers of a download finds it.
  const fresh = note.replace(/\.part\.json$/, ".new.part");
  await rm(fresh, { force: true }); // a link that lies there is not to be written through
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
