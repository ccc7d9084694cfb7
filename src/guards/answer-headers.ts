// Not a check: the headers that every answer carries, refusals included.
import type { MiddlewareHandler } from "hono";
import { letRead } from "./origin.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** The `x-request-id` of the answer, for the log. */
    request_id: string;
  }
}

/** Gives every answer its `x-request-id` and the headers that keep browsers from guessing, embedding or storing it. */
export function answerHeaders(newId: () => string): MiddlewareHandler {
  return async function answerHeadersGuard(c, next) {
    const id = newId();
    c.set("request_id", id);
    await next();
    const { headers } = c.res;
    // Hono answers HEAD with the GET route and drops the body unread: a stream would never learn of it.
    if (c.req.method === "HEAD") await c.res.body?.cancel();
    headers.set("x-request-id", id);
    headers.set("x-content-type-options", "nosniff");
    headers.set("cross-origin-resource-policy", "same-origin");
    headers.set("cache-control", "no-store");
    letRead(c, headers);
  };
}
