// A thread that was imported before -> the messages that the old folder has got since.
import { ApiError } from "../http/errors.ts";
import { byTail, timeOf } from "./ids.ts";
import type { ImportJob } from "./job.ts";
import type { ImportItem } from "./report.ts";
import { createMessageFactory, readOldMessages, reportLosses } from "./thread-messages.ts";

/** Appends them behind all messages that are here, also behind those that were written here meanwhile. */
export async function addNewMessages(job: ImportJob, item: ImportItem, id: string): Promise<void> {
  const { report, store } = job;
  const thread = await store.threads.get(id).catch(undefinedIfDamaged);
  if (thread === undefined) return report.skipped(item, "It was imported before, and its record here is damaged.");
  const own = store.messages(id);
  const here = await own.ids();
  const known = byTail(here);
  const last_known = await findLastKnown(job, item.path, known);
  const issued = timeOf(here.at(-1) ?? id) ?? 0;
  const assistant_id = thread.assistants[0]?.assistant_id ?? null;
  const makeMessage = createMessageFactory(job, { thread_id: id, assistant_id, time: issued, issued });
  let [at, messages] = [0, 0];
  for await (const old of readOldMessages(job, item.path, { skip: report.skipped })) {
    if (at++ > last_known) {
      const message = makeMessage(old);
      // One after the other: a message missing among those that a crash leaves would be taken for deleted by the next run.
      await own.put(message);
      messages++;
      reportLosses(job, old, message);
    } else if (!known.has(old.tail)) report.skipped(old.item, MISSING);
  }
  if (messages > 0) report.taken({ ...item, messages });
  else report.skipped(item, "It was imported before, and nothing was added to it since.");
}

const MISSING = "Later ones of the thread were imported before: it was deleted here, or not there then.";

/** The position of the last message that is here already; -1 for none. What was deleted here does not come back. */
async function findLastKnown(job: ImportJob, path: string, known: Map<string, string>): Promise<number> {
  let [at, last] = [0, -1];
  for await (const { tail } of readOldMessages(job, path)) {
    if (known.has(tail)) last = at;
    at++;
  }
  return last;
}

function undefinedIfDamaged(error: unknown): undefined {
  if (!(error instanceof ApiError && error.code === "corrupted_entity")) throw error;
}
