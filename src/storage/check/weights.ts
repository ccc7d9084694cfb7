// The weights in a data folder: whether they are what the records say, and whether a model owns them.
import { lstat, stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { fileStamp } from "../../../models/file-stamp.ts";
import type { Model } from "../../../models/manifest.ts";
import { TEMPORARY } from "../drivers/fs-durable.ts";
import { encodeKey, isKey } from "../encode-key.ts";
import { systemCodeOf } from "../../../models/system-code.ts";
import { shellWords } from "../../support/shell-words.ts";
import { isDamaged, makeWeightNote, notePath, readWeightNote, writeWeightNote } from "../weight-notes.ts";
import { IGNORED, type CheckedFolder } from "./folder.ts";
import type { Records } from "./records.ts";

export const WEIGHTS = "weights";

export async function checkWeights(checked: CheckedFolder, { models, fetched }: Omit<Records, "sound">): Promise<void> {
  const { report, entries, onHash } = checked;
  const owners = new Set([...models.map(({ id }) => id), ...fetched].map(encodeKey));
  const own = new Map(models.map(({ id, files }) => [encodeKey(id), files.map(({ name }) => name)]));
  for (const model of models) {
    for (const file of model.files) await checkFile(model, file);
  }
  for (const { name, kind } of await entries(WEIGHTS)) {
    const place = `${WEIGHTS}/${name}`;
    if (IGNORED.test(name)) continue;
    const is_folder = kind === "folder" || (owners.has(name) && (await checked.targetKind(place)) === "folder");
    if (!is_folder || !isKey(name)) report("foreign", place, "It is not a model's folder.");
    // What else lies behind a link may be that of others.
    else if (kind !== "folder") continue;
    else if (owners.has(name)) await reportForeign(place, own.get(name));
    else if (await checked.isOfMissingModel(name)) await reportOwnerless(place);
  }

  async function checkFile({ id }: Model, { name, path, size, sha256 }: Model["files"][number]): Promise<void> {
    const place = `${WEIGHTS}/${encodeKey(id)}/${name}`;
    const file = path ?? checked.place(place);
    const note = notePath(checked.place(`${WEIGHTS}/${encodeKey(id)}`), name);
    const fault =
      (await faultOf(file, size, path === undefined ? lstat : stat)) ??
      (await damageOf(file, note, sha256, onHash && (() => onHash(id, name))));
    const remedy =
      path === undefined
        ? `Run "ingle ${shellWords(["pull", id])}".`
        : `Put it back, or run "ingle ${shellWords(["pull", path, "--id", id])}" or "ingle ${shellWords(["rm", id])}".`;
    if (fault !== undefined) report("damaged", place, `The file of model "${id}" ${fault}. ${remedy}`, false);
  }

  async function reportOwnerless(place: string): Promise<void> {
    const left = (await entries(place)).filter(({ name }) => !TEMPORARY.test(name));
    if (left.length > 0) report("orphaned", place, "No model has these files, and none is to be fetched with them.");
  }

  /** Reports what lies beside the files of a model and its downloads. The files of a pending model are not known. */
  async function reportForeign(place: string, names: string[] | undefined): Promise<void> {
    if (names === undefined) return;
    for (const { name } of await entries(place)) {
      const ours =
        names.includes(name.replace(/(\.new)?\.part(\.json)?$|\.pip$|\.sha256\.json$/, "")) ||
        TEMPORARY.test(name) ||
        IGNORED.test(name);
      if (!ours) report("foreign", `${place}/${name}`, "It is none of the model's files.");
    }
  }
}

/**
 * By what was noted of a file; by its sha256 now where all are made, or where it was damaged and has changed since. That is noted: "ingle
 * pull" goes by it.
 */
async function damageOf(path: string, place: string, sha256: string | undefined, onHash: (() => void) | undefined) {
  let note = await readWeightNote(place);
  try {
    const may_be_mended = note !== undefined && isDamaged(note) && note.stamp !== (await fileStamp(path));
    if (onHash !== undefined || may_be_mended) {
      onHash?.();
      const found = await makeWeightNote(path, sha256 ?? note?.expected, new AbortController().signal);
      // A disk that takes no note is no fault of the file.
      if (!isDeepStrictEqual(found, note)) await writeWeightNote(place, found).catch(() => {});
      note = found;
    }
  } catch (error) {
    return `cannot be read (${systemCodeOf(error)})`;
  }
  const expected = sha256 ?? note?.expected;
  return note === undefined || note.sha256 === expected ? undefined : `has the sha256 ${note.sha256} instead of ${expected}`;
}

/** As a load looks at it: a file that is used in place may be a link, one of ours lies in a folder that may be one. */
async function faultOf(path: string, size: number | undefined, look: typeof stat): Promise<string | undefined> {
  try {
    const there = await look(path);
    if (there.isSymbolicLink()) return "is a link, which only the folder around it may be";
    if (!there.isFile()) return "is not a file";
    return size === undefined || size === there.size ? undefined : `has ${there.size} bytes instead of ${size}`;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    return ["ENOENT", "ENOTDIR"].includes(code) ? "is missing" : `cannot be looked at (${code})`;
  }
}
