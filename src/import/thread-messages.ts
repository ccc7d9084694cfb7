// The messages of an old thread, on their way into the store: each gets an id that sorts it behind the one before.
import type { Message } from "../storage/entities.ts";
import { idOf } from "./ids.ts";
import type { ImportJob } from "./job.ts";
import { createIdTails, draftMessage, parseLines, oldIdOf, type MessageDraft } from "./messages.ts";
import type { ImportItem } from "./report.ts";
import { toSeconds } from "./times.ts";

export const MESSAGES_FILE = "messages.jsonl";

export interface OldMessage {
  draft: MessageDraft;
  tail: string;
  item: ImportItem;
}

interface MessageHandlers {
  /** Called for everything in the file that is not a message of ours. */
  skip?(item: ImportItem, reason: string): void;
  /** Called for a system message at the beginning. Answers whether the thread takes it as its instructions. */
  instruct?(text: string): boolean;
}

/** The old messages that can be messages of ours, in the order of the file. `path` is the thread's. Throws `UnreadableError`. */
export async function* readOldMessages(job: ImportJob, path: string, handlers: MessageHandlers = {}): AsyncGenerator<OldMessage> {
  const { skip = () => {}, instruct = () => true } = handlers;
  const idTail = createIdTails();
  let is_first = true;
  for await (const { line, values, fault, mended } of parseLines(job.folder, `${path}/${MESSAGES_FILE}`)) {
    const itemOf = (old_id: string | null): ImportItem => ({ kind: "message", old_id, path: `${path}/${MESSAGES_FILE}`, line });
    for (const value of values) {
      const found = draftMessage(value, job);
      const tail = idTail(value);
      const item = itemOf(oldIdOf(value));
      const was_first = is_first;
      is_first = false;
      if (!("draft" in found)) {
        if (!was_first || found.system === undefined || !instruct(found.system)) skip(item, found.reason);
      } else if (tail === undefined) skip(item, "It stands in the file once more.");
      else {
        if (mended) found.draft.losses.push('It is not all UTF-8: what is none became "\uFFFD".');
        yield { draft: found.draft, tail, item };
      }
    }
    if (fault !== undefined) skip(itemOf(null), fault);
  }
}

/** What a message inherits from its thread and from the messages before it. */
interface MessageDefaults {
  thread_id: string;
  /** The author of answers where the old message names none. */
  assistant_id: string | null;
  /** When the last message was made, and the time in its id, in milliseconds. */
  time: number;
  issued: number;
}

/** Makes messages of drafts, which must come in their order. */
export function createMessageFactory({ assistant_ids }: ImportJob, { thread_id, assistant_id, time, issued }: MessageDefaults) {
  return ({ draft, tail }: OldMessage): Message => {
    const { fields, old_assistant, completed } = draft;
    time = draft.time ?? time;
    issued = Math.max(time, issued + 1);
    return {
      id: idOf("msg_", issued, tail),
      object: "thread.message",
      created_at: toSeconds(time),
      thread_id,
      ...fields,
      file_ids: [],
      assistant_id: fields.role === "assistant" ? (assistant_ids.get(old_assistant ?? "") ?? assistant_id) : null,
      run_id: null,
      completed_at: fields.status === "completed" ? toSeconds(Math.max(completed ?? time, time)) : null,
    };
  };
}

export function reportLosses({ report }: ImportJob, { draft, item }: OldMessage, { id }: Message): void {
  for (const loss of draft.losses) report.reduced({ ...item, id }, loss);
}
