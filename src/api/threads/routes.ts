// /v1/threads: conversations with their assistants; their messages are in api/messages.
import { Hono } from "hono";
import type { Lazily } from "../lazy-handlers.ts";
import type { AppEnv } from "../../http/app-env.ts";

export const threadRoutes = (lazily: Lazily) => {
  const handler = lazily(async (deps) => (await import("./handlers.ts")).threadHandlers(deps));
  return new Hono<AppEnv>()
    .get("/", handler("listThreads"))
    .post("/", handler("createThread"))
    .get("/:thread_id", handler("getThread"))
    .on(["PATCH", "POST"], "/:thread_id", handler("changeThread"))
    .delete("/:thread_id", handler("deleteThread"));
};
