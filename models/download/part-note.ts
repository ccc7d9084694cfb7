// `<target>.part.json`: whose bytes a part holds.
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import { syncFolder } from "../fsync-folder.ts";

/** A source's bytes can be continued while its address and its entity tag stay the same. */
const Origin = v.object({ url: v.string(), etag: v.string() });
export type Origin = v.InferOutput<typeof Origin>;

/** Undefined where there is none, or one that is damaged or of another version: the part starts over. */
export async function readOrigin(note: string): Promise<Origin | undefined> {
  try {
    return v.parse(Origin, JSON.parse(await readFile(note, "utf8")));
  } catch {
    return undefined;
  }
}

/** Whole or not at all, and on the disk when it resolves. */
export async function writeOrigin(note: string, origin: Origin): Promise<void> {
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
  await syncFolder(dirname(note));
}
