// What the server says of itself, and what serves the commands of its owner.
import { Hono } from "hono";
import type { AppOptions } from "../deps.ts";
import type { Lazily } from "../lazy-handlers.ts";
import type { AppEnv } from "../../http/app-env.ts";
import type { AuthFailures } from "../../http/auth-failures.ts";
import { operatorGuard } from "../../http/middleware/auth.ts";
import { VIEWER_PATH } from "../../http/open-pages.ts";

/** `texts`: the metrics of what is in front of the handlers, in Prometheus' text format. */
export const serverRoutes = (lazily: Lazily, texts: readonly (() => string)[]) => {
  const entry = lazily(async (deps) => (await import("./entry.ts")).entryHandlers(deps));
  const reference = lazily(async (deps) => (await import("./openapi.ts")).referenceHandlers(deps));
  const health = lazily(async (deps) => (await import("./health.ts")).healthHandlers(deps));
  const metrics = lazily(async (deps) => (await import("./metrics.ts")).metricsHandlers(deps, texts));
  return new Hono<AppEnv>()
    .get("/", entry("getEntry"))
    .get("/v1", entry("listEndpoints"))
    .get("/openapi.json", reference("getReference"))
    .get("/v1/openapi.json", reference("getReference"))
    .get("/docs", reference("getReferencePage"))
    .get(VIEWER_PATH, reference("getViewer"))
    .get("/health", health("getHealth"))
    .get("/metrics", metrics("getMetrics"));
};

export const ownerRoutes = (
  lazily: Lazily,
  { guards, sealKey, importFolder }: Pick<AppOptions, "guards" | "sealKey" | "importFolder">,
  auth_failures: AuthFailures,
) => {
  const routes = new Hono<AppEnv>();
  if (sealKey) {
    const handler = lazily(async (deps) => (await import("./data-folder.ts")).dataFolderHandlers(deps));
    routes.post("/v1/data-folder/key", handler("giveKey"));
  }
  if (importFolder && guards.operator_key !== undefined) {
    const handler = lazily(async (deps) => (await import("./import.ts")).importHandlers(deps));
    routes.use("/v1/import", operatorGuard(guards.operator_key, auth_failures)).post("/v1/import", handler("importOldFolder"));
  }
  return routes;
};
