// /v1/models/download/{id}: the download job of a model.
import { Hono } from "hono";
import type { Lazily } from "../lazy-handlers.ts";
import type { AppEnv } from "../../http/app-env.ts";

export const downloadRoutes = (lazily: Lazily) => {
  const handler = lazily(async (deps) => (await import("./handlers.ts")).downloadHandlers(deps));
  return new Hono<AppEnv>()
    .use("/", handler("refuseWithoutId"))
    .get("/*", handler("getDownload"))
    .post("/*", handler("postDownload"))
    .delete("/*", handler("cancelDownload"));
};
