// /v1/models, and /v1/ps, the loaded ones. Their downloads are in api/downloads.
import { Hono } from "hono";
import { downloadRoutes } from "../downloads/routes.ts";
import type { Lazily } from "../lazy-handlers.ts";
import type { AppEnv } from "../../http/app-env.ts";

export const modelRoutes = (lazily: Lazily) => {
  const handler = lazily(async (deps) => (await import("./handlers.ts")).modelHandlers(deps));
  const models = new Hono<AppEnv>()
    // Before the models, whose ids are all that follows in the path. No `post` nor `put`: the routes that refuse other methods would take
    // them for ones of every model.
    .use("/*", handler("startOrStop"))
    // Before the models too: the model `download/x` is `download%2Fx` in a path.
    .route("/download", downloadRoutes(lazily))
    .get("/", handler("listModels"))
    .post("/", handler("createModel"))
    .get("/*", handler("getModel"))
    .patch("/*", handler("patchModel"))
    .delete("/*", handler("deleteModel"));
  return new Hono<AppEnv>().route("/models", models).get("/ps", handler("listLoadedModels"));
};
