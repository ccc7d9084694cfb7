// Check 6, its first half: the declared size. The second half, the bytes and the time that they take, is counted in body.ts.
import type { Context } from "hono";
import type { AppEnv, Guard, BodyLimits } from "../app-env.ts";
import { discard, bodyTooLarge } from "../body.ts";
import { isRefusedAnyway } from "../refused-anyway.ts";

/** Sets the limits of this path's body as `body_limits`. Throws 413 `request_too_large` for a declared size beyond them. */
export function bodyLimitGuard(limitsOf: (path: string) => BodyLimits): Guard {
  return function bodyLimitGuard(c) {
    const limits = limitsOf(c.req.path);
    c.set("body_limits", limits);
    return Number(c.req.header("content-length")) > limits.max_bytes ? refuseBody(c, limits) : undefined;
  };
}

/** What no route takes is refused for that. */
async function refuseBody(c: Context<AppEnv>, limits: BodyLimits): Promise<undefined> {
  const reader = c.req.raw.bodyUsed ? undefined : c.req.raw.body?.getReader();
  if (reader !== undefined) await discard(() => reader.read());
  if (!isRefusedAnyway(c)) throw bodyTooLarge(limits);
}
