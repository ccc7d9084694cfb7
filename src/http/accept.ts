// What a request's `Accept` header says of one media type.
import type { Context } from "hono";
import { parseAccept } from "hono/utils/accept";

/** Whether the answer may have this type: the most specific range that covers it decides, and a quality of 0 excludes it (RFC 9110 §12.5.1). */
export function acceptsType(c: Context, type: string): boolean {
  const ranges = parseAccept(c.req.header("accept") ?? "*/*").map((range) => ({ ...range, type: range.type.toLowerCase() }));
  const covering = [type, `${type.split("/")[0]}/*`, "*/*"];
  const found = covering.map((name) => ranges.find((range) => range.type === name)).find((range) => range !== undefined);
  return (found?.q ?? 0) > 0;
}
