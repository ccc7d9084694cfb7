// What a guard is: a look at a request before anything acts on it.
import type { Context, MiddlewareHandler } from "hono";

/** Throws an `ApiError` for what must not pass; answers itself where there is nothing more to do. */
export type Check = (c: Context) => void | Response | Promise<never>;

/** The first answer of any of them. */
export function all(checks: Check[]): Check {
  return (c) => {
    for (const check of checks) {
      const answer = check(c);
      if (answer !== undefined) return answer;
    }
  };
}

/** For one path, behind the guards of all. */
export function asMiddleware(check: Check): MiddlewareHandler {
  return async (c, next) => check(c) ?? next();
}
