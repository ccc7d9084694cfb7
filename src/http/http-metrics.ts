// Metrics of requests, by the names and buckets of OpenTelemetry: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { AppEnv } from "./app-env.ts";
import { createRegistry } from "../support/prometheus.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** The methods that have a name of their own; any other counts as `_OTHER`. */
const METHODS = new Set(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]);

export type HttpMetrics = ReturnType<typeof createHttpMetrics>;

export function createHttpMetrics() {
  const registry = createRegistry();
  const active = new Map<string, number>();
  const duration = registry.histogram(
    "http_server_request_duration_seconds",
    "From the head of a request to the end of its answer.",
    ["http_request_method", "url_scheme", "http_response_status_code", "http_route", "error_type"],
    SECONDS,
  );
  registry.gauge(
    "http_server_active_requests",
    "Requests whose answers are not over.",
    ["http_request_method", "url_scheme"],
    () => [...active].map(([method, count]) => [[method, "http"], count]),
  );
  return {
    begin(c: Context<AppEnv>): void {
      const method = methodOf(c);
      active.set(method, (active.get(method) ?? 0) + 1);
    },
    end(c: Context<AppEnv>, status: number, ms: number): void {
      const method = methodOf(c);
      active.set(method, active.get(method)! - 1);
      const code = String(status);
      duration.observe([method, "http", code, routeOf(c), status >= 500 ? code : ""], ms / 1000);
    },
    text: registry.text,
  };
}

function methodOf(c: Context<AppEnv>): string {
  return METHODS.has(c.req.method) ? c.req.method : "_OTHER";
}

/** The path as the API has it, without the ids of a request, as each series takes memory; empty for an unknown path. */
function routeOf(c: Context<AppEnv>): string {
  const route = matchedRoutes(c).at(-1);
  return route === undefined || route.method === "ALL" ? "" : nameOf(route.path);
}

const names = new Map<string, string>();

/** `/v1/threads/{thread_id}` of Hono's `/v1/threads/:thread_id`. */
function nameOf(path: string): string {
  let name = names.get(path);
  if (name === undefined) names.set(path, (name = path.replace(/:(\w+)/g, "{$1}")));
  return name;
}
