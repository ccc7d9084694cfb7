// Ids of models hold slashes, raw or encoded: they are all that follows in the path.
import type { Context } from "hono";
import { routePath } from "hono/route";

/**
 * The decoded rest of the path, of a route that ends with `/*`; empty where nothing follows. No pattern of Hono's own such as
 * `/:id{.+}`: one of these makes every request of the whole application take its slow router.
 */
export function modelIdFromPath(c: Context, end = ""): string {
  const rest = c.req.path.slice(routePath(c).length - 1, c.req.path.length - end.length);
  try {
    return decodeURIComponent(rest);
  } catch {
    return rest; // no id that was ever stored
  }
}
