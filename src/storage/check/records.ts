// The records of a data folder: whether each is whole, and whether something leads to it.
import type { Model } from "../../../models/manifest.ts";
import { idInText, parseRecord } from "../collection.ts";
import { systemCodeOf } from "../../../models/system-code.ts";
import { DamagedError } from "../faults.ts";
import { disk } from "../drivers/fs-durable/file-system.ts";
import { LARGEST, SUFFIX, TEMPORARY } from "../drivers/fs-durable.ts";
import { KINDS } from "../store.ts";
import { decodeText } from "../decode-text.ts";
import type { CheckedFolder } from "./folder.ts";
import { REPLACEMENT, threadIdOf } from "./recovered-thread.ts";

/** What stands in the place of a record that the system refuses to open as one. */
const NO_FILES: Record<string, string> = {
  EISDIR: "It is a folder.",
  ELOOP: "It is a link.",
  ENXIO: "It is not a regular file.",
};
/** What keeps a record from being read says nothing about the record: moving it would not help. */
const UNREADABLE: Record<string, string> = {
  EACCES: "It may not be read by this user.",
  EIO: "The disk cannot read it: it may be whole. Copy it from the disk before it fails.",
};

export interface Records {
  /** Sound ones by collection. */
  sound: Record<keyof typeof KINDS, number>;
  /** The sound ones. */
  models: Model[];
  /** Ids of models that are being fetched, or were: of several files some may be whole. */
  fetched: string[];
}

export async function checkRecords(checked: CheckedFolder): Promise<Records> {
  const { report, entries } = checked;
  const sound = { threads: 0, messages: 0, assistants: 0, models: 0, downloads: 0 };
  const models: Model[] = [];
  const fetched: string[] = [];
  const threads = new Set<string>();
  const sound_threads = new Set<string>();
  /** Threads whose damaged record was being set aside when that was ended. */
  const replaced: string[] = [];

  await checkCollection("threads", "threads", ({ id }) => threads.add(id) && sound_threads.add(id));
  replaced.forEach(reportReplacement);
  await checkMessages();
  await checkCollection("assistants", "assistants");
  await checkCollection("models", "models", (record) => models.push(record as Model));
  await checkCollection("downloads", "downloads", ({ id }) => fetched.push(id));
  return { sound, models, fetched };

  /** Checks the records of one folder and gives each sound one to `keep`; a damaged thread keeps its messages from being orphans. */
  async function checkCollection(
    base: keyof typeof KINDS,
    path: string,
    keep: (record: { id: string }) => unknown = () => {},
  ): Promise<void> {
    const kind = KINDS[base];
    for (const entry of await entries(path)) {
      const place = `${path}/${entry.name}`;
      const key = entry.name.endsWith(SUFFIX) ? entry.name.slice(0, -SUFFIX.length) : "";
      if (TEMPORARY.test(entry.name) && entry.kind === "file") continue;
      const in_place_of = base === "threads" ? replacedThread(entry.name) : undefined;
      if (in_place_of !== undefined) {
        replaced.push(in_place_of);
        continue;
      }
      const id = kind.toId(key);
      if (key === "" || (id === undefined && !kind.isHashedKey?.(key))) {
        report("foreign", place, "Its name is none that ingle gives.");
        continue;
      }
      const record = await readRecord(base, place, key, id);
      if (record === undefined) {
        if (base === "threads") threads.add(key);
        continue;
      }
      sound[base]++;
      keep(record);
    }
  }

  /** A new record takes its place with the next fix, unless the record there is good by now. */
  function reportReplacement(id: string): void {
    const place = `threads/${id}${SUFFIX}`;
    if (sound_threads.has(id))
      report("foreign", `${place}${REPLACEMENT}`, "It was to replace a damaged record, and the record is good.");
    else if (!threads.has(id)) report("damaged", place, "Its new record is not in its place yet.");
    threads.add(id);
  }

  async function readRecord(
    base: keyof typeof KINDS,
    place: string,
    key: string,
    id?: string,
  ): Promise<{ id: string } | undefined> {
    try {
      const text = decodeText(await disk.read(checked.place(place), LARGEST));
      const record = parseRecord<{ id: string }>(KINDS[base].schema, text, id ?? idInText(KINDS[base], key, text));
      const thread_id = (record as { thread_id?: unknown }).thread_id;
      if (base === "messages" && place.split("/")[1] !== thread_id) throw new DamagedError("It names another thread.");
      return record;
    } catch (error) {
      const code = systemCodeOf(error);
      if (error instanceof DamagedError || code in NO_FILES) report("damaged", place, NO_FILES[code] ?? (error as Error).message);
      // Where it is absent, it was removed since the folder was read.
      else if (code !== "ENOENT") report("damaged", place, UNREADABLE[code] ?? (error as Error).message, false);
      return undefined;
    }
  }

  async function checkMessages(): Promise<void> {
    for (const { name, kind } of await entries("messages")) {
      const place = `messages/${name}`;
      const id = KINDS.threads.toId(name);
      if (id === undefined) report("foreign", place, "It is not a thread's folder.");
      else if (kind !== "folder") report("damaged", place, "It is not a folder.");
      else if (threads.has(id)) await checkCollection("messages", place);
      else if (!checked.misplaced.has("threads")) await reportOrphans(place, id);
    }
  }

  async function reportOrphans(place: string, id: string): Promise<void> {
    const left = (await entries(place)).filter(({ name }) => !TEMPORARY.test(name));
    // Messages come before their thread and go after it.
    const goes_on = (await checked.mayBeInUse(place)) || (checked.in_use && (await checked.isThere(`threads/${id}${SUFFIX}`)));
    if (left.length > 0 && !goes_on) report("orphaned", place, `Its thread is gone; ${left.length} messages are left.`);
  }
}

/** The thread whose new record a file of that name is. */
const replacedThread = (name: string): string | undefined =>
  name.endsWith(REPLACEMENT) ? threadIdOf(name.slice(0, -REPLACEMENT.length)) : undefined;
