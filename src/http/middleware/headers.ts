// The headers that every answer carries, refusals included.
import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import { IGNORED_HEADER, ignoredHeader } from "../ignored.ts";
import { addCommonHeaders } from "../common-headers.ts";
import { allowReading } from "./origin.ts";

/** Adds those that are missing, and what the handler has asked for. A promise where the answer to HEAD has a body that is to be let go. */
export function completeHeaders(c: Context<AppEnv>, answer: Response): undefined | Promise<void> {
  addCommonHeaders(c, answer);
  const vary = c.get("vary");
  if (vary !== undefined) answer.headers.append("vary", vary);
  const ignored = c.get("ignored");
  if (ignored !== undefined) answer.headers.set(IGNORED_HEADER, ignoredHeader(ignored));
  const origin = c.get("reading_origin");
  if (origin !== undefined) allowReading(origin, answer.headers);
  // Hono answers HEAD with the head of the GET and drops its body; a stream has to learn that nobody reads it.
  return c.req.method === "HEAD" ? answer.body?.cancel() : undefined;
}
