// The headers that every answer carries, refusals included.
import type { MiddlewareHandler } from "hono";
import { ApiError, errorResponse } from "../errors.ts";
import type { Check } from "./check.ts";
import { letRead } from "./origin.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** The `x-request-id` of the answer, for the log. */
    request_id: string;
  }
}

/**
 * Lets a request pass `check`, and gives its answer an `x-request-id` and the headers that keep browsers from guessing, embedding or
 * storing it. Both in one middleware: each of its own would cost every request another turn.
 */
export function answerHeaders(newId: () => string, check: Check): MiddlewareHandler {
  return async (c, next) => {
    const id = newId();
    c.set("request_id", id);
    try {
      const answer = check(c);
      if (answer === undefined) await next();
      else c.res = await answer;
    } catch (error) {
      // A refusal is the check's: what a route throws has become an answer within `next`. All else is for the log.
      if (!(error instanceof ApiError)) throw error;
      c.res = errorResponse(error);
    }
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
