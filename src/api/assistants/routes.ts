// /v1/assistants: instructions and parameters that a thread names.
import { Hono } from "hono";
import type { Lazily } from "../lazy-handlers.ts";
import type { AppEnv } from "../../http/app-env.ts";

export const assistantRoutes = (lazily: Lazily) => {
  const handler = lazily(async (deps) => (await import("./handlers.ts")).assistantHandlers(deps));
  return new Hono<AppEnv>()
    .get("/", handler("listAssistants"))
    .post("/", handler("createAssistant"))
    .get("/:assistant_id", handler("getAssistant"))
    .on(["PATCH", "POST"], "/:assistant_id", handler("changeAssistant"))
    .delete("/:assistant_id", handler("deleteAssistant"));
};
