// The messages of one old thread, on their way into the store: each gets an id that sorts it behind the one before.
import type { Collection } from "../storage/collection.ts";
import type { Message } from "../storage/entities.ts";
import type { AssistantIds } from "./assistants.ts";
import { idOf } from "./ids.ts";
import type { Job } from "./job.ts";
import { createTails, drafted, foundIn, oldIdOf, type Draft } from "./messages.ts";
import type { Item } from "./report.ts";
import { seconds } from "./times.ts";

export const FILE = "messages.jsonl";
const WRITES_AT_ONCE = 16;

export interface Fresh {
  draft: Draft;
  tail: string;
  line: number;
}

interface Listener {
  /** Something in the file is no message of ours. */
  skip?(item: Item, reason: string): void;
  /** The file begins with a system message. Answers whether it was of use. */
  instruct?(text: string): boolean;
}

/** What of the thread's file can be messages of ours, in its order. `path` is the thread's. Throws `UnreadableError`. */
export async function* freshIn(job: Job, path: string, listener: Listener = {}): AsyncGenerator<Fresh> {
  const { skip = () => {}, instruct = () => true } = listener;
  const tails = createTails();
  let is_first = true;
  for await (const { line, values, fault, mended } of foundIn(job.folder, `${path}/${FILE}`)) {
    const about = (old_id: string | null): Item => ({ kind: "message", old_id, path: `${path}/${FILE}`, line });
    for (const value of values) {
      const found = drafted(value, job);
      const tail = tails(value);
      const was_first = is_first;
      is_first = false;
      if (!("draft" in found)) {
        if (!was_first || found.system === undefined || !instruct(found.system)) skip(about(oldIdOf(value)), found.reason);
      } else if (tail === undefined) skip(about(oldIdOf(value)), "It stands in the file once more.");
      else {
        if (mended) found.draft.losses.push('It is not all UTF-8: what is none became "\uFFFD".');
        yield { draft: found.draft, tail, line };
      }
    }
    if (fault !== undefined) skip(about(null), fault);
  }
}

/** What a message takes over from the thread and from the messages before it. */
interface Before {
  thread_id: string;
  /** Who answers where the old message does not say. */
  assistant_id: string | null;
  ids: AssistantIds;
  /** When the last one was made, and the time in its id, in milliseconds. */
  time: number;
  issued: number;
}

/** Makes messages of drafts, which must come in their order. */
export function createNumbers({ thread_id, assistant_id, ids, time, issued }: Before): (fresh: Fresh) => Message {
  return ({ draft, tail }) => {
    const { fields, old_assistant, completed } = draft;
    time = draft.time ?? time;
    issued = Math.max(time, issued + 1);
    return {
      id: idOf("msg_", issued, tail),
      object: "thread.message",
      created_at: seconds(time),
      thread_id,
      ...fields,
      file_ids: [],
      assistant_id: fields.role === "assistant" ? (ids.get(old_assistant ?? "") ?? assistant_id) : null,
      run_id: null,
      completed_at: fields.status === "completed" ? seconds(Math.max(completed ?? time, time)) : null,
    };
  };
}

/** Writes as the messages come, a batch at a time, so that a file of any length needs little memory. `flush` writes the last batch. */
export function createWriter({ put }: Pick<Collection<Message>, "put">) {
  let batch: Message[] = [];
  const flush = async (): Promise<void> => {
    await Promise.all(batch.map(put));
    batch = [];
  };
  return {
    async add(message: Message): Promise<void> {
      if (batch.push(message) === WRITES_AT_ONCE) await flush();
    },
    flush,
  };
}

/** `path` is the thread's. */
export function messageItem(path: string, { draft, line }: Fresh): Item {
  return { kind: "message", old_id: draft.old_id, path: `${path}/${FILE}`, line };
}

export function noteLosses({ notes }: Job, path: string, fresh: Fresh, { id }: Message): void {
  for (const loss of fresh.draft.losses) notes.reduced({ ...messageItem(path, fresh), id }, loss);
}
