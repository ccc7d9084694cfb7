// threads/*/ -> threads of ours with their messages; those that are here already get what has been added since.
import type { AssistantIds } from "./assistants.ts";
import { byTail, idOf, tailOf } from "./ids.ts";
import { foldersIn, type Job } from "./job.ts";
import { type JsonObject } from "../support/json.ts";
import { documentsIn } from "./json.ts";
import { addTo } from "./known-thread.ts";
import { UnreadableError } from "./old-folder.ts";
import { oldThreadOf, type OldThread } from "./old-thread.ts";
import type { Item } from "./report.ts";
import { createNumbers, createWriter, FILE, freshIn, noteLosses, type Fresh } from "./thread-messages.ts";
import { seconds } from "./times.ts";

const LARGEST_FILE = 4 * 2 ** 20;
const LONGEST_TITLE = 60;

/** Throws what the store throws. */
export async function importThreads(job: Job, assistants: AssistantIds): Promise<void> {
  const known = byTail(await job.store.threads.ids());
  for (const name of await foldersIn(job, "threads", "thread")) {
    const item: Item = { kind: "thread", old_id: name, path: `threads/${name}` };
    try {
      const id = known.get(tailOf("thread", name));
      await (id === undefined ? take(job, item, name, assistants) : addTo(job, { ...item, id }, id, assistants));
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      job.notes.skipped({ ...item, path: `${item.path}/${FILE}` }, error.message);
    }
  }
}

/** The messages first, then the thread: what a crash leaves in between nobody can reach, and the next run finds it. */
async function take(job: Job, item: Item, name: string, ids: AssistantIds): Promise<void> {
  const { notes, store } = job;
  const { old, fault } = await readOld(job, item.path);
  const first = await firstOf(job, item.path);
  if (fault !== undefined && first === undefined) return notes.skipped(item, fault);

  const like = oldThreadOf(old, { old_id: name, from: job.from, now: job.now, ids });
  // Some versions of Jan take the time of the last change for that of the creation.
  const time = earliest(like.created, first?.draft.time) ?? (await changed(job, item.path));
  const id = idOf("thread_", time, tailOf("thread", name));
  const messages = await takeMessages(job, { ...item, id }, { id, time, like, ids });
  await store.conversations.put(
    {
      id,
      object: "thread",
      title: like.title ?? titleOf(first),
      created_at: seconds(time),
      assistants: like.assistants,
      metadata: like.metadata,
    },
    [],
  );
  notes.taken({ ...item, id, messages });
  if (fault !== undefined) notes.reduced({ ...item, id }, `${fault} Its messages were taken; what else was known of it is lost.`);
  for (const loss of like.losses) notes.reduced({ ...item, id }, loss);
}

interface New {
  id: string;
  /** Milliseconds. */
  time: number;
  like: OldThread;
  ids: AssistantIds;
}

/** Answers how many. */
async function takeMessages(job: Job, item: Item, { id, time, like, ids }: New): Promise<number> {
  const own = job.store.messages(id);
  const writer = createWriter(own);
  const assistant_id = like.assistants[0]!.assistant_id;
  const number = createNumbers({ thread_id: id, assistant_id, ids, time, issued: time - 1 });
  const written = new Set<string>();
  try {
    for await (const fresh of freshIn(job, item.path, { skip: job.notes.skipped, instruct: (text) => instruct(like, text) })) {
      const message = number(fresh);
      written.add(message.id);
      await writer.add(message);
      noteLosses(job, item.path, fresh, message);
    }
  } catch (error) {
    if (error instanceof UnreadableError) await own.clear();
    throw error;
  }
  await writer.flush();
  // Of a run that was killed, before the old file was changed.
  for (const left of await own.ids()) if (!written.has(left)) await own.remove(left);
  return written.size;
}

/** A thread without a record can still have messages. */
async function readOld({ folder }: Job, path: string): Promise<{ old: JsonObject; fault?: string }> {
  try {
    const text = await folder.text(`${path}/thread.json`, LARGEST_FILE);
    if (text === undefined) return { old: {}, fault: "The folder has no thread.json." };
    const { values, fault } = documentsIn(text);
    const [old] = values;
    const sentence = fault ?? (old === undefined ? "It holds no thread." : undefined);
    return { old: old ?? {}, ...(sentence !== undefined && { fault: `thread.json: ${sentence}` }) };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { old: {}, fault: `thread.json: ${error.message}` };
  }
}

async function firstOf(job: Job, path: string): Promise<Fresh | undefined> {
  for await (const fresh of freshIn(job, path)) return fresh;
  return undefined;
}

function earliest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

async function changed({ folder, now }: Job, path: string): Promise<number> {
  const time = (await folder.changed(`${path}/thread.json`)) ?? (await folder.changed(`${path}/${FILE}`)) ?? now;
  return Math.min(time, now);
}

function instruct({ assistants }: OldThread, text: string): boolean {
  const first = assistants[0]!;
  if (first.instructions !== undefined) return false;
  first.instructions = text;
  return true;
}

function titleOf(first: Fresh | undefined): string {
  const line = first?.draft.fields.content[0]?.text.value.trim().split("\n")[0];
  return line === undefined ? "New Thread" : [...line].slice(0, LONGEST_TITLE).join("");
}
