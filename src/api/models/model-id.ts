// The id of a model in a path: it may hold slashes, raw or encoded, so it is all that follows. An id for which there is no path is refused.
import type { Context } from "hono";
import { routePath } from "hono/route";
import { whyNoModelId } from "../../../models/model-id.ts";
import { ApiError } from "../../http/errors.ts";
import { quote } from "../../support/quote.ts";

/** Throws `ApiError` 400 for an id that no address could name, or that is too long. */
export function checkNewId(id: string): void {
  const fault = whyNoModelId(id);
  if (fault === undefined) return;
  const sentence = (option: string): string =>
    `${quote(id)} cannot be the id of a model: ${fault}. Choose another with ${option}.`;
  throw new ApiError(400, sentence('"id"'), { param: "id", code: "invalid_value", owner_message: sentence("--id") });
}

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

/** Whether the path, of a route with `/*`, is that of the downloads, which have routes of their own. The model `download/x` is `download%2Fx`. */
export function isOfDownloads(c: Context): boolean {
  return c.req.path.slice(routePath(c).length - 1).startsWith("download/");
}
