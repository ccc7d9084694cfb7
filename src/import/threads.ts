// threads/*/ -> threads of ours with their messages; a thread that was imported before gets what has been added since.
import { byTail, idOf, tailOf } from "./ids.ts";
import { listFolders, skipUnreadable, type ImportJob } from "./job.ts";
import { type JsonObject } from "../support/json.ts";
import { parseDocuments } from "./json.ts";
import { addNewMessages } from "./known-thread.ts";
import type { Message } from "../storage/entities.ts";
import { UnreadableError } from "./old-folder.ts";
import { parseOldThread, type OldThread } from "./old-thread.ts";
import type { ImportItem } from "./report.ts";
import { createMessageFactory, MESSAGES_FILE, readOldMessages, reportLosses, type OldMessage } from "./thread-messages.ts";
import { toSeconds } from "./times.ts";

const LARGEST_FILE = 4 * 2 ** 20;
const LONGEST_TITLE = 60;
const WRITES_AT_ONCE = 16;

export async function importThreads(job: ImportJob): Promise<void> {
  const known = byTail(await job.store.threads.ids());
  for (const name of await listFolders(job, "threads", "thread")) {
    const item: ImportItem = { kind: "thread", old_id: name, path: `threads/${name}` };
    const id = known.get(tailOf("thread", name));
    await skipUnreadable(job, { ...item, path: `${item.path}/${MESSAGES_FILE}` }, () =>
      id === undefined ? importThread(job, item, name) : addNewMessages(job, { ...item, id }, id),
    );
  }
}

/** Writes the messages first, then the thread: what a crash leaves in between cannot be reached, and the next run goes on from it. */
async function importThread(job: ImportJob, item: ImportItem, name: string): Promise<void> {
  const { report, store } = job;
  const { old, fault } = await readOldThread(job, item.path);
  const first = await readFirstMessage(job, item.path);
  if (fault !== undefined && first === undefined) return report.skipped(item, fault);

  const old_thread = parseOldThread(job, name, old);
  // In some versions of Jan `created` is the time of the last change: the first message may be older.
  const time = earliest(old_thread.created, first?.draft.time) ?? (await readModifiedAt(job, item.path));
  const id = idOf("thread_", time, tailOf("thread", name));
  const messages = await importMessages(job, { ...item, id }, time, old_thread);
  const { assistants, metadata } = old_thread;
  const title = old_thread.title ?? titleOf(first);
  await store.conversations.put({ id, object: "thread", title, created_at: toSeconds(time), assistants, metadata }, []);
  const lost = fault === undefined ? [] : [`${fault} Its messages were taken; what else was known of it is lost.`];
  report.taken({ ...item, id, messages }, [...lost, ...old_thread.losses]);
}

/** Answers how many messages there are. `time`: of the thread, in milliseconds. */
async function importMessages(job: ImportJob, { id, path }: ImportItem & { id: string }, time: number, old_thread: OldThread) {
  const own = job.store.messages(id);
  const assistant_id = old_thread.assistants[0]!.assistant_id;
  const makeMessage = createMessageFactory(job, { thread_id: id, assistant_id, time, issued: time - 1 });
  // A batch at a time, so that a file of any length needs little memory.
  const batch: Message[] = [];
  const written = new Set<string>();
  const instruct = (text: string): boolean => addInstructions(old_thread, text);
  try {
    for await (const old of readOldMessages(job, path, { skip: job.report.skipped, instruct })) {
      const message = makeMessage(old);
      written.add(message.id);
      if (batch.push(message) === WRITES_AT_ONCE) await Promise.all(batch.splice(0).map(own.put));
      reportLosses(job, old, message);
    }
  } catch (error) {
    if (error instanceof UnreadableError) await own.clear();
    throw error;
  }
  await Promise.all(batch.map(own.put));
  // Messages that a killed run has left, of an old file that was changed since.
  for (const left of await own.ids()) if (!written.has(left)) await own.remove(left);
  return written.size;
}

/** A thread without a record can still have messages. */
async function readOldThread({ folder }: ImportJob, path: string): Promise<{ old: JsonObject; fault?: string }> {
  try {
    const text = await folder.text(`${path}/thread.json`, LARGEST_FILE);
    if (text === undefined) return { old: {}, fault: "The folder has no thread.json." };
    const { values, fault } = parseDocuments(text);
    const [old] = values;
    const sentence = fault ?? (old === undefined ? "It holds no thread." : undefined);
    return { old: old ?? {}, ...(sentence !== undefined && { fault: `thread.json: ${sentence}` }) };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { old: {}, fault: `thread.json: ${error.message}` };
  }
}

async function readFirstMessage(job: ImportJob, path: string): Promise<OldMessage | undefined> {
  for await (const old of readOldMessages(job, path)) return old;
  return undefined;
}

function earliest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

async function readModifiedAt({ folder, now }: ImportJob, path: string): Promise<number> {
  const time = (await folder.modifiedAt(`${path}/thread.json`)) ?? (await folder.modifiedAt(`${path}/${MESSAGES_FILE}`)) ?? now;
  return Math.min(time, now);
}

function addInstructions({ assistants }: OldThread, text: string): boolean {
  const first = assistants[0]!;
  if (first.instructions !== undefined) return false;
  first.instructions = text;
  return true;
}

function titleOf(first: OldMessage | undefined): string {
  const line = first?.draft.fields.content[0]?.text.value.trim().split("\n")[0];
  return line === undefined ? "New Thread" : [...line].slice(0, LONGEST_TITLE).join("");
}
