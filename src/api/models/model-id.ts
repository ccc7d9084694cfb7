// The id of a model in a path: it may hold slashes, raw or encoded, so it is all that follows. An id for which there is no path is refused.
import type { Context } from "hono";
import { routePath } from "hono/route";
import { invalidValue } from "../../http/errors.ts";
import { quote } from "../../support/quote.ts";

/** Bytes of UTF-8. */
const LONGEST_ID = 512;

/** Throws `ApiError` 400 for an id that no address could name, or that is too long. */
export function checkNewId(id: string): void {
  const fault = faultOf(id);
  if (fault !== undefined)
    throw invalidValue(`${quote(id)} cannot be the id of a model: ${fault}. Choose another with "id".`, "id");
}

function faultOf(id: string): string | undefined {
  if (id === "") return "it is empty";
  if (id === "." || id === "..") return "a path that ends with it is that of a folder";
  if (!id.isWellFormed()) return "half of a character is in it, which no address can hold";
  const bytes = Buffer.byteLength(id);
  return bytes > LONGEST_ID ? `it has ${bytes} bytes, and ${LONGEST_ID} are the most` : undefined;
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
