// A thread that was imported before -> the messages that the old folder has got since.
import { ApiError } from "../http/errors.ts";
import type { AssistantIds } from "./assistants.ts";
import { byTail, timeOf } from "./ids.ts";
import type { Job } from "./job.ts";
import type { Item } from "./report.ts";
import { createNumbers, freshIn, messageItem, noteLosses } from "./thread-messages.ts";

/** They come after all that are here: also after those that were written here meanwhile. */
export async function addTo(job: Job, item: Item, id: string, ids: AssistantIds): Promise<void> {
  const { notes, store } = job;
  const thread = await store.threads.get(id).catch(undefinedIfDamaged);
  if (thread === undefined) return notes.skipped(item, "It was imported before, and its record here is damaged.");
  const own = store.messages(id);
  const here = await own.ids();
  const known = byTail(here);
  const last_known = await lastKnown(job, item.path, known);
  const issued = timeOf(here.at(-1) ?? id) ?? 0;
  const assistant_id = thread.assistants[0]?.assistant_id ?? null;
  const number = createNumbers({ thread_id: id, assistant_id, ids, time: issued, issued });
  let [at, messages] = [0, 0];
  for await (const fresh of freshIn(job, item.path, { skip: notes.skipped })) {
    if (at++ > last_known) {
      const message = number(fresh);
      // One after the other: were one missing among those that a crash leaves, the next run would take it for deleted.
      await own.put(message);
      messages++;
      noteLosses(job, item.path, fresh, message);
    } else if (!known.has(fresh.tail)) notes.skipped(messageItem(item.path, fresh), MISSING);
  }
  if (messages > 0) notes.taken({ ...item, messages });
  else notes.skipped(item, "It was imported before, and nothing was added to it since.");
}

const MISSING = "Later ones of the thread were imported before: it was deleted here, or not there then.";

/** The position of the last message that is here already; -1 for none. What was deleted here does not come back. */
async function lastKnown(job: Job, path: string, known: Map<string, string>): Promise<number> {
  let [at, last] = [0, -1];
  for await (const { tail } of freshIn(job, path)) {
    if (known.has(tail)) last = at;
    at++;
  }
  return last;
}

function undefinedIfDamaged(error: unknown): undefined {
  if (!(error instanceof ApiError && error.code === "corrupted_entity")) throw error;
}
