// /v1/threads/{thread_id}/messages.
import { Hono } from "hono";
import type { Lazily } from "../lazy-handlers.ts";
import type { AppEnv } from "../../http/app-env.ts";

export const messageRoutes = (lazily: Lazily) => {
  const handler = lazily(async (deps) => (await import("./handlers.ts")).messageHandlers(deps));
  return new Hono<AppEnv>()
    .get("/:thread_id/messages", handler("listMessages"))
    .post("/:thread_id/messages", handler("createMessage"))
    .get("/:thread_id/messages/:message_id", handler("getMessage"))
    .get("/:thread_id/messages/:message_id/files", handler("listMessageFiles"))
    .get("/:thread_id/messages/:message_id/files/:file_id", handler("getMessageFile"))
    .on(["PATCH", "POST"], "/:thread_id/messages/:message_id", handler("changeMessage"))
    .delete("/:thread_id/messages/:message_id", handler("deleteMessage"));
};
