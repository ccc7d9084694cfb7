// The whole API as one Hono application: guards, routes, and the answers to errors. Opens nothing, reads no environment.
import { Hono, type Context } from "hono";
import type { AppOptions, Deps } from "../api/deps.ts";
import { type ApiError, errorResponse, messageFor, toApiError } from "../http/errors.ts";
import type { AppEnv } from "../http/app-env.ts";
import { createAuthFailures } from "../http/auth-failures.ts";
import { isOperator, operatorGuard } from "../http/middleware/auth.ts";
import { createHttpMetrics } from "../http/http-metrics.ts";
import { createRequestObserver } from "../http/request-observer.ts";
import { guardRoutes } from "../http/middleware/guards.ts";
import { createMethodLookup, refuseOtherMethod } from "../http/other-methods.ts";
import { unknownUrl } from "../http/unknown-url.ts";
import { assistantRoutes } from "../api/assistants/routes.ts";
import { dataFolderRoutes } from "../api/operations/data-folder.ts";
import { entryRoutes } from "../api/operations/entry.ts";
import { healthRoutes } from "../api/operations/health.ts";
import { importRoutes } from "../api/operations/import.ts";
import { referenceRoutes } from "../api/operations/openapi.ts";
import { metricsRoutes } from "../api/operations/metrics.ts";
import { messageRoutes } from "../api/messages/routes.ts";
import { loadedModelRoutes, startStopRoutes } from "../api/models/start-stop.ts";
import { modelRoutes } from "../api/models/routes.ts";
import { threadRoutes } from "../api/threads/routes.ts";

export type App = Pick<Hono<AppEnv>, "fetch" | "request" | "router" | "routes">;

/** A server listens sooner without what chats alone need: `bench:start`, column `listening`. */
export const loadChatCode = () => import("../api/chat/create-completion.ts");
const loadChatPromptCode = () => import("../api/tokenize/chat-prompt.ts");
const loadTokenizeCode = () => import("../api/tokenize/tokenize.ts");
const loadCompletionCode = () => import("../api/completions/create-completion.ts");

const loadEmbeddingCode = () => import("../api/embeddings/create-embeddings.ts");

const loadRerankCode = () => import("../api/rerank/create-rerank.ts");

const loadDecisionCode = () => import("../api/decisions/create-decision.ts");

/** Asked for by few, and once. */
export const loadReference = () => import("../api/reference/document.ts");

/** `app.fetch` is the server: give it a socket, or call it. Throws one sentence where `guards` are unsafe together. */
export function createApp(options: AppOptions): App {
  const { guards, sealKey, importFolder, log } = options;
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
  const deps: Deps = { ...options, onError };
  const app = new Hono<AppEnv>();
  const { wide, trusted_proxies } = guards;
  const auth_failures = createAuthFailures(trusted_proxies);
  const http = createHttpMetrics();
  const lines = options.log_requests ? log : undefined;
  const observeRequest = createRequestObserver({ metrics: http, log: lines, wide, trusted_proxies });
  app.route("/", entryRoutes(deps));
  app.route("/", referenceRoutes(deps));
  app.route("/health", healthRoutes(deps));
  app.route(
    "/metrics",
    metricsRoutes(deps, [http.text, options.store.metrics, options.downloads.metrics, auth_failures.metrics]),
  );
  app.post("/v1/chat/completions", async function createChatCompletion(c) {
    return (await loadChatCode()).createChatCompletion(deps)(c);
  });
  app.post("/v1/chat/completions/input_tokens", async function countInputTokens(c) {
    return (await loadChatPromptCode()).countInputTokens(deps)(c);
  });
  app.post("/v1/apply-template", async function applyTemplate(c) {
    return (await loadChatPromptCode()).applyTemplate(deps)(c);
  });
  app.post("/v1/tokenize", async function tokenize(c) {
    return (await loadTokenizeCode()).tokenize(deps)(c);
  });
  app.post("/v1/detokenize", async function detokenize(c) {
    return (await loadTokenizeCode()).detokenize(deps)(c);
  });
  app.post("/v1/completions", async function createCompletion(c) {
    return (await loadCompletionCode()).createCompletion(deps)(c);
  });
  app.post("/v1/embeddings", async function createEmbeddings(c) {
    return (await loadEmbeddingCode()).createEmbeddings(deps)(c);
  });
  app.on("POST", ["/v1/rerank", "/v2/rerank"], async function createRerank(c) {
    return (await loadRerankCode()).createRerank(deps)(c);
  });
  app.post("/v1/decisions", async function createDecision(c) {
    return (await loadDecisionCode()).createDecision(deps)(c);
  });
  app.route("/v1/models", startStopRoutes(deps));
  app.route("/v1/models", modelRoutes(deps));
  app.route("/v1/ps", loadedModelRoutes(deps));
  app.route("/v1/assistants", assistantRoutes(deps));
  app.route("/v1/threads", threadRoutes(deps));
  app.route("/v1/threads", messageRoutes(deps));
  if (sealKey) app.route("/v1/data-folder", dataFolderRoutes(sealKey));
  if (importFolder && guards.operator_key !== undefined) {
    app.use("/v1/import", operatorGuard(guards.operator_key, auth_failures));
    app.route("/v1/import", importRoutes(deps, importFolder));
  }
  const methodsAt = createMethodLookup(app);
  const isKnown = (path: string): boolean => methodsAt(path).length > 0;
  const answerUnknown = (c: Context<AppEnv>): Response =>
    refuseOtherMethod(c, methodsAt(c.req.path)) ??
    errorResponse(unknownUrl(c.req.path, c.req.header("host") ?? "localhost", isKnown), c);
  const guard_options = { ...guards, auth_failures, observeRequest, ensureStorage: options.store.ensureThere };
  const guarded = guardRoutes(app, guard_options, { thrown: answerThrown, unknown: answerUnknown });
  return guarded;
}
