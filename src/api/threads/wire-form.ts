// The wire forms of a thread.
import type { Context } from "hono";
import type { AppEnv } from "../../http/app-env.ts";
import type { Thread } from "../../storage/entities.ts";
import { NO_RESOURCES } from "../assistants/wire-form.ts";
import { forOpenAI } from "../dialect.ts";

/** The thread as a list, a creation and a change answer it; `GET` of one adds `assistant_configs` and `messages`. */
export function toWireThread(c: Context<AppEnv>, { id, object, title, created_at, assistants, metadata }: Thread) {
  return { id, object, title, created: created_at, created_at, assistants, metadata, ...forOpenAI(c, NO_RESOURCES) };
}

export function toWireThreadWithMessages(c: Context<AppEnv>, thread: Thread, ids: readonly string[]) {
  const assistants = thread.assistants.map(({ assistant_id }) => assistant_id);
  return { ...toWireThread(c, thread), assistants, assistant_configs: thread.assistants, messages: ids };
}
