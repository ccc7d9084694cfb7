// The whole API as one Hono application: guards, routes, and what becomes of errors. Opens nothing, reads no environment.
import { Hono, type Context } from "hono";
import type { AppOptions, Deps } from "../api/deps.ts";
import { ApiError, errorResponse, toApiError } from "../http/errors.ts";
import { quote } from "../support/quote.ts";
import { asMiddleware, type Asked, type Marks } from "../http/middleware/check.ts";
import { guarded } from "../http/middleware/guards.ts";
import { operatorOnly } from "../http/middleware/auth.ts";
import { chat } from "../api/chat/routes.ts";
import { assistants } from "../api/assistants/routes.ts";
import { dataFolder } from "../api/operations/data-folder.ts";
import { importing } from "../api/operations/import.ts";
import { metrics } from "../api/operations/metrics.ts";
import { messages } from "../api/messages/routes.ts";
import { modelRun, running } from "../api/models/start-stop.ts";
import { models } from "../api/models/routes.ts";
import { threads } from "../api/threads/routes.ts";

/** No Hono to be mounted in another one: its routes without the guards around them would be open to every web page. */
export type App = Pick<Hono, "fetch" | "request" | "router">;

/** `app.fetch` is the server; give it a socket, or call it. Throws where `guards` are unsafe together. */
export function createApp(options: AppOptions): App {
  const { log, version, pool, library } = options;
  const tell = (error: ApiError, { req }: Asked, { request_id }: Marks): void => {
    // What ends because its client has left is no error.
    if (error.status < 500 || req.raw.signal.aborted) return;
    log.error(error.message, { request_id, path: req.path, cause: error.cause });
  };
  const onError = (error: ApiError, c: Context): void => tell(error, c, c.env);
  const deps: Deps = { ...options, onError };
  const app = new Hono({ strict: false });
  app.get("/health", async (c) => {
    const installed = await library.list();
    const running = installed.filter(({ id }) => pool.state(id) === "running");
    const status = options.store.damaged() === 0 ? "ok" : "degraded";
    return c.json({ status, version, models: { installed: installed.length, running: running.length } });
  });
  app.route("/metrics", metrics(deps));
  app.route("/v1/chat", chat(deps));
  app.route("/v1/models", modelRun(deps));
  app.route("/v1/models", models(deps));
  app.route("/v1/ps", running(deps));
  app.route("/v1/assistants", assistants(deps));
  app.route("/v1/threads", threads(deps));
  app.route("/v1/threads", messages(deps));
  const {
    importFolder,
    folderProof,
    guards: { operator_key },
  } = options;
  if (folderProof && operator_key !== undefined) app.route("/v1/data-folder", dataFolder(folderProof, operator_key));
  if (importFolder && operator_key !== undefined) {
    app.use("/v1/import", asMiddleware(operatorOnly(operator_key)));
    app.route("/v1/import", importing(deps, importFolder));
  }
  refuseOtherMethods(app);
  app.notFound((c) => {
    return errorResponse(
      new ApiError(404, `There is nothing at ${quote(c.req.path)}. The API begins at /v1.`, { code: "unknown_url" }),
    );
  });
  const answer = (thrown: unknown, asked: Asked, marks: Marks): Response => {
    const error = toApiError(thrown);
    tell(error, asked, marks);
    return errorResponse(error);
  };
  app.onError((thrown, c) => answer(thrown, c, c.env as Marks));
  app.fetch = guarded(options.guards, app.fetch, answer);
  return app;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/**
 * A path that is known answers other methods with 405 and `Allow`, and OPTIONS with `Allow` alone. Each method for itself: a route of
 * all would match beside the right one, and two that match cost a promise.
 */
function refuseOtherMethods(app: Hono): void {
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  for (const [path, same] of Object.entries(Object.groupBy(routes, ({ path }) => path))) {
    const own = same!.map(({ method }) => method);
    const methods = own.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    const allow = [...new Set(methods), "OPTIONS"].join(", ");
    const others = METHODS.filter((method) => !own.includes(method));
    app.on(others, path, (c) => {
      if (c.req.method === "OPTIONS") return c.body(null, 204, { allow });
      throw new ApiError(405, `${c.req.method} is not possible at ${quote(c.req.path)}, only ${allow}.`, {
        code: "method_not_allowed",
        headers: { allow },
      });
    });
  }
}
