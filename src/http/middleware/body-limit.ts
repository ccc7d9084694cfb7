// Check 5, its first half: the declared size. The second, the bytes and the time they take, is counted in json.ts.
import { discard, tooLarge, type BodyLimits } from "../body.ts";
import type { Asked, Check } from "./check.ts";

/** Sets the limits of this path's body as `body_limits`. Throws 413 `request_too_large` for a declared size beyond them. */
export function size(limitsOf: (path: string) => BodyLimits): Check {
  return (c, marks) => {
    const limits = limitsOf(c.req.path);
    marks.body_limits = limits;
    if (Number(c.req.header("content-length")) > limits.max_bytes) return refuse(c, limits);
  };
}

async function refuse(c: Asked, limits: BodyLimits): Promise<never> {
  const reader = c.req.raw.body?.getReader();
  if (reader !== undefined) await discard(() => reader.read());
  throw tooLarge(limits);
}
