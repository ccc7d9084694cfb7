// The id of a model in a path: it may hold slashes, raw or encoded, so it is all that follows.
import type { Context } from "hono";
import { routePath } from "hono/route";

/**
 * The decoded end of the path of a route with `/*`, without `end`; empty where nothing follows. A pattern of Hono's own, `/:id{.+}`,
 * would make every request of the whole application take Hono's slow router.
 */
export function modelIdFromPath(c: Context, end = ""): string {
  const encoded = c.req.path.slice(routePath(c).length - 1, c.req.path.length - end.length);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded; // Such text is never the id of a stored model.
  }
}
