// The wire forms of a thread.
import type { Thread } from "../../storage/entities.ts";

/** The thread as a list, a creation and a change answer it; `GET` of one adds `assistant_configs` and `messages`. */
export function toWireThread({ id, object, title, created_at, assistants, metadata }: Thread) {
  return { id, object, title, created: created_at, created_at, assistants, metadata };
}

export function toWireThreadWithMessages(thread: Thread, ids: readonly string[]) {
  const assistants = thread.assistants.map(({ assistant_id }) => assistant_id);
  return { ...toWireThread(thread), assistants, assistant_configs: thread.assistants, messages: ids };
}
