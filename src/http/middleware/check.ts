// What a guard is: a look at a request before anything acts on it.
import type { MiddlewareHandler } from "hono";
import type { BodyLimits } from "../body.ts";

/** What is looked at; Hono's context is one. */
export interface Asked {
  req: { raw: Request; method: string; path: string; header(name: string): string | undefined };
}

/** What the guards have found out of a request, for those behind them: `env` of Hono's context. */
export interface Marks {
  request_id: string;
  /** Of this path's body. */
  body_limits: BodyLimits;
  /** A HEAD, answered as the GET: nothing is to be done for it. */
  head?: true;
  /** The `Peers` of our own socket; whatever else it was called with, where somebody mounts the application elsewhere. */
  socket?: unknown;
  /** The listed origin whose page may read the answer. */
  reader?: string;
}

/** Throws an `ApiError` for what must not pass; answers itself where there is nothing more to do. */
export type Check = (asked: Asked, marks: Marks) => void | Response | Promise<never>;

/** The first answer of any of them. */
export function all(checks: Check[]): Check {
  return (asked, marks) => {
    for (const check of checks) {
      const answer = check(asked, marks);
      if (answer !== undefined) return answer;
    }
  };
}

/** For one path, behind the guards of all. */
export function asMiddleware(check: Check): MiddlewareHandler<{ Bindings: Marks }> {
  return async (c, next) => check(c, (c.env ??= {} as Marks)) ?? next();
}
