// What a guard is: a look at a request before anything acts on it.
import type { Context, MiddlewareHandler } from "hono";

/** Throws an `ApiError` for what must not pass; answers itself where there is nothing more to do. */
export type Check = (c: Context) => void | Response | Promise<never>;

/** One middleware for all of them: each of its own would cost every request another turn of the event loop. */
export function inOrder(checks: Check[]): MiddlewareHandler {
  return async (c, next) => {
    for (const check of checks) {
      const answer = check(c);
      if (answer !== undefined) return answer;
    }
    return next();
  };
}
