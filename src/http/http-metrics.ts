// Metrics of requests, by the names and buckets of OpenTelemetry: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { AppEnv } from "./app-env.ts";
import { createRegistry, type Series } from "../support/prometheus.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** The methods that have a name of their own; any other counts as `_OTHER`. */
const METHODS = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "_OTHER"];
const METHOD_NUMBERS = new Map(METHODS.map((method, number) => [method, number]));

/** Above all statuses. */
const STATUSES = 1000;

export type HttpMetrics = ReturnType<typeof createHttpMetrics>;

export function createHttpMetrics() {
  const registry = createRegistry();
  const active: (number | undefined)[] = METHODS.map(() => undefined);
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
    () => active.flatMap((count, method) => (count === undefined ? [] : [[[METHODS[method]!, "http"], count]])),
  );
  /** By the path of a route as Hono has it, and a number for each method with a status: to join the labels would take longer than the rest. */
  const byPath = new Map<string, Map<number, Series>>();
  const seriesOf = (c: Context<AppEnv>, method: number, status: number): Series => {
    const path = routeOf(c);
    let ofPath = byPath.get(path);
    if (ofPath === undefined) byPath.set(path, (ofPath = new Map()));
    const number = method * STATUSES + status;
    let series = ofPath.get(number);
    if (series === undefined) {
      const code = String(status);
      series = duration.series([METHODS[method]!, "http", code, nameOf(path), status >= 500 ? code : ""]);
      ofPath.set(number, series);
    }
    return series;
  };
  return {
    /** The number of the request's method, for `end`. */
    begin(c: Context<AppEnv>): number {
      const method = methodOf(c);
      active[method] = (active[method] ?? 0) + 1;
      return method;
    },
    end(c: Context<AppEnv>, method: number, status: number, ms: number): void {
      active[method]!--;
      seriesOf(c, method, status).observe(ms / 1000);
    },
    text: registry.text,
  };
}

function methodOf(c: Context<AppEnv>): number {
  return METHOD_NUMBERS.get(c.req.method) ?? METHODS.length - 1;
}

/** The path of the route as Hono has it; empty for an unknown path. */
function routeOf(c: Context<AppEnv>): string {
  const route = matchedRoutes(c).at(-1);
  return route === undefined || route.method === "ALL" ? "" : route.path;
}

/** The path as the API has it, without the ids of a request, as each series takes memory: `/v1/threads/{thread_id}` of `/v1/threads/:thread_id`. */
function nameOf(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}");
}
