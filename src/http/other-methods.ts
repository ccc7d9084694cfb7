// The 405s: what a path answers to the methods that it does not have.
import { Hono, type Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import { ApiError } from "./errors.ts";
import { quote } from "../support/quote.ts";

/**
 * For a path, the methods of each route that takes it; empty where it is unknown. A route of its own for each other method would be one of
 * 1,500, of which a router takes 40 ms to make itself.
 */
export function createMethodLookup({ routes }: Pick<Hono<AppEnv>, "routes">): (path: string) => string[][] {
  const paths = new Hono<AppEnv>();
  const methods = new Map<string, string[]>();
  for (const { method, path } of routes.filter(({ method }) => method !== "ALL")) {
    const known = methods.get(path);
    if (known === undefined) paths.all(path, async () => {});
    methods.set(path, [...(known ?? []), ...(method === "GET" ? ["GET", "HEAD"] : [method])]);
  }
  return (path) => paths.router.match("ALL", path)[0].map(([[, route]]) => methods.get(route.path)!);
}

/**
 * What a known path answers to a method that it has not; undefined for an unknown path, and for a request that a handler of its method has
 * passed on. `found`: of a `createMethodLookup`.
 */
export function refuseOtherMethod(c: Context, found: string[][]): Response | undefined {
  const other = found.find((methods) => !methods.includes(c.req.method));
  return other && answerOtherMethod(c, other);
}

/** Answers OPTIONS. Throws 405 `method_not_allowed` for all others, which are not among the path's `methods`. */
export function answerOtherMethod(c: Context, methods: string[]): Response {
  const allow = [...new Set(methods), "OPTIONS"].join(", ");
  if (c.req.method === "OPTIONS") return c.body(null, 204, { allow });
  throw new ApiError(405, `${c.req.method} is not possible at ${quote(c.req.path)}, only ${allow}.`, {
    code: "method_not_allowed",
    headers: { allow },
  });
}
