// Tells clients apart, where they share the slots of a model.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import type { GuardOptions } from "./middleware/guards.ts";
import { digestOf, sentKey } from "./middleware/auth.ts";

/**
 * The client of a request: a digest of the API key that was sent, else the remote address; one and the same for all where there
 * is no socket. What a proxy says of its clients does not count, for anybody could say it.
 */
export function clientOf(c: Context<AppEnv>, { keys, wide }: Pick<GuardOptions, "keys" | "wide">): string {
  // A key that nobody checked tells programs of this machine apart. From elsewhere each request could bring a new one.
  const key = keys.length > 0 || !wide ? sentKey(c) : "";
  if (key !== "") return digestOf(key).toString("base64");
  // Hono's `env` is undefined where `app.fetch` got the request alone.
  return c.env?.addressOf?.(c.req.raw) ?? "";
}
