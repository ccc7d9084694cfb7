// Whether a request would be refused whatever its body is: then what is wrong with its body is no matter.
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";

/** Whether no route takes the request. */
export const isRefusedAnyway = (c: Context): boolean => matchedRoutes(c).length === 0;
