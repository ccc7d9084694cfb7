// Check 5, its first half: the declared size. The second, the bytes and the time they take, is counted in json.ts.
import type { Context } from "hono";
import { discard, tooLarge, type BodyLimits } from "../json.ts";
import type { Check } from "./check.ts";

/** Sets the limits of this path's body as `body_limits`. Throws 413 `request_too_large` for a declared size beyond them. */
export function size(limitsOf: (path: string) => BodyLimits): Check {
  return (c) => {
    const limits = limitsOf(c.req.path);
    c.set("body_limits", limits);
    if (Number(c.req.header("content-length")) > limits.max_bytes) return refuse(c, limits);
  };
}

async function refuse(c: Context, limits: BodyLimits): Promise<never> {
  const reader = c.req.raw.body?.getReader();
  if (reader !== undefined) await discard(() => reader.read());
  throw tooLarge(limits);
}
