// `ingle check`: walks a data folder and names what is damaged, foreign or orphaned. Reads only; `setAside` moves, nothing deletes.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { KV_CACHE, STATE_FILE, UNFINISHED_STATE } from "../../models/kv-cache.ts";
import { Model } from "../../models/model.ts";
import { checkedRecord } from "./collection.ts";
import { MARKER } from "./data-folder.ts";
import { codeOf, DamagedError } from "./faults.ts";
import { disk, type Entry } from "./files.ts";
import { LOCK_FILE } from "./folder-lock.ts";
import { LARGEST, SUFFIX, TEMPORARY } from "./fs-durable.ts";
import { decodeKey, encodeKey } from "./key.ts";
import { KINDS } from "./store.ts";
import { textOf } from "./text.ts";

export interface Finding {
  /** `damaged`: not what it should be. `foreign`: not ingle's. `orphaned`: nothing leads to it. */
  kind: "damaged" | "foreign" | "orphaned";
  /** Below the data folder, with `/`. */
  path: string;
  reason: string;
  /** False where moving it would not help: `reason` says what does. */
  can_be_set_aside: boolean;
}

export interface CheckReport {
  findings: Finding[];
  /** Sound records by collection. */
  sound: Record<keyof typeof KINDS, number>;
}

export interface CheckOptions {
  /** A server works in it: what is a moment old may be half of something that goes on. */
  in_use: boolean;
  now?: () => number;
}

export const SET_ASIDE = "set-aside";
const WEIGHTS = "weights";
const FOLDERS = [...Object.keys(KINDS), WEIGHTS, KV_CACHE, SET_ASIDE];
/** What disks bring along, and the locks of older versions. */
const IGNORED = /^lost\+found$|^\..*\.lock$/;
const A_MOMENT_MS = 60_000;

/** Throws what the disk throws when a folder cannot be read at all. */
export async function checkFolder(folder: string, { in_use, now = Date.now }: CheckOptions): Promise<CheckReport> {
  const findings: Finding[] = [];
  const sound = { threads: 0, messages: 0, assistants: 0, models: 0, downloads: 0 };
  const models: Model[] = [];
  /** Ids of models that are being fetched, or were: of several files some may be whole. */
  const fetched: string[] = [];
  const threads = new Set<string>();

  /** Folders of ours that are something else: links are not followed, and what would be in them is not known. */
  const amiss = new Set<string>();

  const found = (kind: Finding["kind"], path: string, reason: string, can_be_set_aside = true): void => {
    // What no text can name cannot be moved by its name.
    if (path.includes("\ufffd")) findings.push({ kind, path, reason: `${reason} Move it by hand.`, can_be_set_aside: false });
    else findings.push({ kind, path, reason, can_be_set_aside });
  };

  await root();
  await records("threads", "threads", (record) => threads.add(record.id));
  await messages();
  await records("assistants", "assistants");
  await records("models", "models", (record) => models.push(record as Model));
  await records("downloads", "downloads", ({ id }) => fetched.push(id));
  await weights();
  await states();
  return { findings, sound };

  async function root(): Promise<void> {
    for (const { name, kind } of await entries("")) {
      if (name === MARKER || name.startsWith(LOCK_FILE) || TEMPORARY.test(name) || IGNORED.test(name)) continue;
      if (!FOLDERS.includes(name)) found("foreign", name, "It is none of ingle's files.");
      else if (kind !== "folder") {
        amiss.add(name);
        found("damaged", name, "It is no folder.", false);
      }
    }
  }

  /** The records of one folder: each sound one goes to `keep`, also the ids of damaged ones count as theirs. */
  async function records(
    base: keyof typeof KINDS,
    path: string,
    keep: (record: { id: string }) => unknown = () => {},
  ): Promise<void> {
    const kind = KINDS[base];
    for (const entry of await entries(path)) {
      const place = `${path}/${entry.name}`;
      const id = entry.name.endsWith(SUFFIX) ? kind.toId(entry.name.slice(0, -SUFFIX.length)) : undefined;
      if (TEMPORARY.test(entry.name) && entry.kind === "file") continue;
      if (id === undefined) {
        found("foreign", place, "Its name is none that ingle gives.");
        continue;
      }
      const record = await readable(base, place, id);
      if (record === undefined) {
        if (base === "threads") threads.add(id);
        continue;
      }
      sound[base]++;
      keep(record);
    }
  }

  async function readable(base: keyof typeof KINDS, place: string, id: string): Promise<{ id: string } | undefined> {
    try {
      const text = textOf(await disk.read(join(folder, place), LARGEST));
      const record = checkedRecord<{ id: string }>(KINDS[base].schema, text, id);
      const thread_id = (record as { thread_id?: unknown }).thread_id;
      if (base === "messages" && place.split("/")[1] !== thread_id) throw new DamagedError("It names another thread.");
      return record;
    } catch (error) {
      // Removed since the folder was read.
      if (codeOf(error) !== "ENOENT") found("damaged", place, wordsOf(error));
      return undefined;
    }
  }

  async function messages(): Promise<void> {
    for (const { name, kind } of await entries("messages")) {
      const place = `messages/${name}`;
      const id = KINDS.threads.toId(name);
      if (id === undefined || kind !== "folder") {
        found(
          id === undefined ? "foreign" : "damaged",
          place,
          id === undefined ? "It is no thread's folder." : "It is no folder.",
        );
      } else if (threads.has(id)) await records("messages", place);
      else if (!amiss.has("threads")) await orphans(place, id);
    }
  }

  async function orphans(place: string, id: string): Promise<void> {
    const left = (await entries(place)).filter(({ name }) => !TEMPORARY.test(name));
    // Messages come before their thread and go after it.
    const may_go_on = in_use && (now() - (await changed(place)) < A_MOMENT_MS || (await isThere(`threads/${id}${SUFFIX}`)));
    if (left.length > 0 && !may_go_on) found("orphaned", place, `Its thread is gone; ${left.length} messages are left.`);
  }

  async function weights(): Promise<void> {
    const owners = new Set([...models.map(({ id }) => id), ...fetched].map(encodeKey));
    const own = new Map(models.map(({ id, files }) => [encodeKey(id), files.map(({ name }) => name)]));
    for (const model of models) {
      for (const file of model.files) await weight(model, file);
    }
    for (const { name, kind } of await entries(WEIGHTS)) {
      const place = `${WEIGHTS}/${name}`;
      if (IGNORED.test(name)) continue;
      if (kind !== "folder" || decodeKey(name) === undefined) found("foreign", place, "It is no model's folder.");
      else if (owners.has(name)) await strangers(place, own.get(name));
      else if (!in_use && !amiss.has("models") && !(await hasRecord(name))) await ownerless(place);
    }
  }

  async function weight({ id }: Model, { name, path, size }: Model["files"][number]): Promise<void> {
    const place = `${WEIGHTS}/${encodeKey(id)}/${name}`;
    const fault = await faultOf(path ?? join(folder, place), size);
    const remedy = path === undefined ? `Run "ingle pull ${id}".` : `Put it back, or run "ingle rm ${id}".`;
    if (fault !== undefined) found("damaged", place, `The file of model "${id}" ${fault}. ${remedy}`, false);
  }

  async function ownerless(place: string): Promise<void> {
    const left = (await entries(place)).filter(({ name }) => !TEMPORARY.test(name));
    if (left.length > 0) found("orphaned", place, "No model has these files, and none is to be fetched with them.");
  }

  /** Beside the files of a model; what a download leaves is among them, and of a model that is to be fetched they are not known. */
  async function strangers(place: string, names: string[] | undefined): Promise<void> {
    if (names === undefined) return;
    for (const { name } of await entries(place)) {
      const ours =
        names.includes(name.replace(/(\.new)?\.part(\.json)?$|\.pip$/, "")) || TEMPORARY.test(name) || IGNORED.test(name);
      if (!ours) found("foreign", `${place}/${name}`, "It is none of the model's files.");
    }
  }

  /** What is kept of conversations: whether it is whole, the engine finds out when it wants it. */
  async function states(): Promise<void> {
    for (const { name, kind } of await entries(KV_CACHE)) {
      const place = `${KV_CACHE}/${name}`;
      if (IGNORED.test(name)) continue;
      if (kind !== "folder" || decodeKey(name) === undefined) found("foreign", place, "It is no model's folder.");
      else if (!in_use && !amiss.has("models") && !(await hasRecord(name)) && (await entries(place)).length > 0)
        found("orphaned", place, "The conversations that are kept here are those of a model that is gone.");
      else await statesOf(place);
    }
  }

  async function statesOf(place: string): Promise<void> {
    for (const { name, kind } of await entries(place)) {
      const path = `${place}/${name}`;
      const unfinished = UNFINISHED_STATE.test(name);
      if (kind !== "file" || !(unfinished || STATE_FILE.test(name) || IGNORED.test(name)))
        found("foreign", path, "It is no conversation that ingle has kept.");
      else if (unfinished && !(in_use && now() - (await changed(path)) < A_MOMENT_MS))
        found("orphaned", path, "It is half of a conversation: whoever wrote it was killed.");
    }
  }

  async function hasRecord(name: string): Promise<boolean> {
    return (await isThere(`models/${name}${SUFFIX}`)) || isThere(`downloads/${name}${SUFFIX}`);
  }

  async function entries(path: string): Promise<Entry[]> {
    if (amiss.has(path)) return [];
    try {
      return (await disk.list(join(folder, path))).sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      if (path !== "" && ["ENOENT", "ENOTDIR"].includes(codeOf(error))) return [];
      throw error;
    }
  }

  async function isThere(path: string): Promise<boolean> {
    return (await disk.kind(join(folder, path))) !== undefined;
  }

  async function changed(path: string): Promise<number> {
    return disk.changed(join(folder, path)).catch(() => 0);
  }
}

function wordsOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    EISDIR: "It is a folder.",
    ELOOP: "It is a link.",
    ENXIO: "It is no regular file.",
    EACCES: "It may not be read by this user.",
  };
  return words[code ?? ""] ?? message;
}

/** Links are followed: weights may be on another disk. */
async function faultOf(path: string, size: number | undefined): Promise<string | undefined> {
  try {
    const there = await stat(path);
    if (!there.isFile()) return "is no file";
    return size === undefined || size === there.size ? undefined : `has ${there.size} bytes instead of ${size}`;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    return ["ENOENT", "ENOTDIR"].includes(code) ? "is missing" : `cannot be looked at (${code})`;
  }
}
