// Whether a request would be refused whatever its body is: then what is wrong with its body is no matter.
import type { Context, Handler } from "hono";
import { matchedRoutes } from "hono/route";

/** Handlers that refuse a method which a path has not. */
const refusers = new WeakSet<object>();

export const isRefuser = (handler: object): boolean => refusers.has(handler);

/** Marks a handler that does nothing but refuse. */
export function asRefuser<H extends Handler>(handler: H): H {
  refusers.add(handler);
  return handler;
}

/** Whether no route takes the request. */
export function isRefusedAnyway(c: Context): boolean {
  return matchedRoutes(c).every(({ handler }) => isRefuser(handler));
}
