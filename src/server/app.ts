// The whole API as one Hono application: guards, routes, and the answers to errors. Opens nothing, reads no environment.
import { Hono, type Context } from "hono";
import type { AppOptions, Deps } from "../api/deps.ts";
import { lazyHandlers } from "../api/lazy-handlers.ts";
import { type ApiError, errorResponse, messageFor, toApiError } from "../http/errors.ts";
import type { AppEnv } from "../http/app-env.ts";
import { createAuthFailures } from "../http/auth-failures.ts";
import { isOperator } from "../http/middleware/auth.ts";
import { createHttpMetrics } from "../http/http-metrics.ts";
import { createRequestObserver } from "../http/request-observer.ts";
import { guardRoutes } from "../http/middleware/guards.ts";
import { createMethodLookup, refuseOtherMethod } from "../http/other-methods.ts";
import { unknownUrl } from "../http/unknown-url.ts";
import { assistantRoutes } from "../api/assistants/routes.ts";
import { ownerRoutes, serverRoutes } from "../api/operations/routes.ts";
import { messageRoutes } from "../api/messages/routes.ts";
import { modelRoutes } from "../api/models/routes.ts";
import { threadRoutes } from "../api/threads/routes.ts";

export type App = Pick<Hono<AppEnv>, "fetch" | "request" | "router" | "routes">;

/** Asked for by few, and once. */
export const loadReference = () => import("../api/reference/document.ts");

/** What an application begins with. The rest of its options is for the handlers of its routes. */
export type AppBeginning = Pick<AppOptions, "guards" | "store" | "sealKey" | "importFolder" | "log" | "log_requests">;

export interface BegunApp {
  app: App;
  /** Makes what the first of the usual requests would otherwise wait for: the router, and handlers whose code is imported. */
  load(): Promise<void>;
}

/** `app.fetch` is the server: give it a socket, or call it. Throws one sentence where `guards` are unsafe together. */
export const createApp = (options: AppOptions): App => beginApp(options, async () => options).app;

/** The same before all of its options are there: `loadOptions` is called by the first request that comes to a handler. */
export function beginApp(options: AppBeginning, loadOptions: () => Promise<AppOptions>): BegunApp {
  const { guards, log } = options;
  const onError = (error: ApiError, c: Context<AppEnv>): void => {
    // An answer that ends because its client has left is no error.
    if (error.status < 500 || c.req.raw.signal.aborted) return;
    log.error(messageFor(error, true), { request_id: c.get("request_id"), path: c.req.path, cause: error.cause });
  };
  const answerThrown = (thrown: unknown, c: Context<AppEnv>): Response => {
    const error = toApiError(thrown);
    onError(error, c);
    return errorResponse(error, c, isOperator(c, guards.operator_key));
  };
  const loadDeps = async (): Promise<Deps> => ({ ...(await loadOptions()), onError });
  const [usual, rare] = [lazyHandlers(loadDeps), lazyHandlers(loadDeps)];
  const app = new Hono<AppEnv>();
  const { wide, trusted_proxies } = guards;
  const auth_failures = createAuthFailures(trusted_proxies);
  const http = createHttpMetrics();
  const lines = options.log_requests ? log : undefined;
  const observeRequest = createRequestObserver({ metrics: http, log: lines, wide, trusted_proxies });
  app.route("/", serverRoutes(usual.lazily, [http.text, auth_failures.metrics]));
  app.post(
    "/v1/chat/completions",
    usual.handler(async (deps) => (await import("../api/chat/create-completion.ts")).createChatCompletion(deps)),
  );
  app.post(
    "/v1/chat/completions/input_tokens",
    rare.handler(async (deps) => (await import("../api/tokenize/chat-prompt.ts")).countInputTokens(deps)),
  );
  app.post(
    "/v1/responses",
    rare.handler(async (deps) => (await import("../api/responses/create-response.ts")).createResponse(deps)),
  );
  app.post(
    "/v1/responses/input_tokens",
    rare.handler(async (deps) => (await import("../api/responses/create-response.ts")).countResponseTokens(deps)),
  );
  app.post(
    "/v1/apply-template",
    rare.handler(async (deps) => (await import("../api/tokenize/chat-prompt.ts")).applyTemplate(deps)),
  );
  app.post(
    "/v1/tokenize",
    rare.handler(async (deps) => (await import("../api/tokenize/tokenize.ts")).tokenize(deps)),
  );
  app.post(
    "/v1/detokenize",
    rare.handler(async (deps) => (await import("../api/tokenize/tokenize.ts")).detokenize(deps)),
  );
  app.post(
    "/v1/completions",
    rare.handler(async (deps) => (await import("../api/completions/create-completion.ts")).createCompletion(deps)),
  );
  app.post(
    "/v1/embeddings",
    rare.handler(async (deps) => (await import("../api/embeddings/create-embeddings.ts")).createEmbeddings(deps)),
  );
  app.on(
    "POST",
    ["/v1/rerank", "/v2/rerank"],
    rare.handler(async (deps) => (await import("../api/rerank/create-rerank.ts")).createRerank(deps)),
  );
  app.post(
    "/v1/decisions",
    rare.handler(async (deps) => (await import("../api/decisions/create-decision.ts")).createDecision(deps)),
  );
  app.route("/v1", modelRoutes(usual.lazily));
  app.route("/v1/assistants", assistantRoutes(usual.lazily));
  app.route("/v1/threads", threadRoutes(usual.lazily));
  app.route("/v1/threads", messageRoutes(usual.lazily));
  app.route("/", ownerRoutes(rare.lazily, options, auth_failures));
  const methodsAt = createMethodLookup(app);
  const isKnown = (path: string): boolean => methodsAt(path).length > 0;
  const answerUnknown = (c: Context<AppEnv>): Response =>
    refuseOtherMethod(c, methodsAt(c.req.path)) ??
    errorResponse(unknownUrl(c.req.path, c.req.header("host") ?? "localhost", isKnown), c);
  const guard_options = { ...guards, auth_failures, observeRequest, ensureStorage: options.store.ensureThere };
  const guarded = guardRoutes(app, guard_options, { thrown: answerThrown, unknown: answerUnknown });
  const load = async (): Promise<void> => {
    guarded.router.match("GET", "/"); // The router is made of its routes when it is first asked.
    await usual.load();
  };
  return { app: guarded, load };
}
