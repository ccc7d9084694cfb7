// The wire form of a message.
import type { Context } from "hono";
import type { AppEnv } from "../../http/app-env.ts";
import type { Message } from "../../storage/entities.ts";
import { adaptNulls, forOpenAI } from "../dialect.ts";

export function toWireMessage(c: Context<AppEnv>, message: Message) {
  const { id, object, created_at, thread_id, role, content, file_ids, assistant_id, run_id } = message;
  const { metadata, status, completed_at } = message;
  const about = { id, object, created_at, thread_id, role, content, file_ids, assistant_id, run_id };
  // Attachments are refused, and no reason is known for a message that ended early.
  const more = forOpenAI(c, { attachments: [], incomplete_details: null, incomplete_at: null });
  return adaptNulls(c, { ...about, metadata, status, completed_at, ...more }, ["assistant_id", "run_id"]);
}

/** A file of a message, which is kept as its id. */
export function toWireMessageFile({ id: message_id, created_at }: Message, id: string) {
  return { id, object: "thread.message.file", created_at, message_id };
}
