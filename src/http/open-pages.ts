// What holds nothing of this server's state: it asks for no key, and a browser may be led to it from any site. What a page shows of the
// state it fetches with the key.
import type { Context } from "hono";

/** The script of the page /docs. */
export const VIEWER_PATH = "/docs/openapi-explorer.js";

/** Paths without a slash at their end. */
const OPEN = new Set(["", "/docs", VIEWER_PATH, "/openapi.json", "/v1/openapi.json"]);

/** GET and HEAD alone: nothing acts there. */
export function isOpenPage(c: Context): boolean {
  const { method, path } = c.req;
  return (method === "GET" || method === "HEAD") && OPEN.has(path.replace(/\/$/, ""));
}

/** Whether a person has followed a link, or typed an address: no script of a page sends or reads such a request. */
export function isNavigation(c: Context): boolean {
  return c.req.header("sec-fetch-mode") === "navigate" && c.req.header("sec-fetch-dest") === "document";
}
