// Tells clients apart, where they share the slots of a model.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import type { GuardOptions } from "./middleware/guards.ts";
import { digestOf, isOperator, sentKey } from "./middleware/auth.ts";

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

/**
 * `ChatRequest.cache_scope`: a digest of the API key where the server has keys. Without keys all clients are one, and the commands of the
 * server's owner are another one, whose scope stays the same although each start of the server has another operator's key.
 */
export function cacheScopeOf(c: Context<AppEnv>, { keys, operator_key }: Pick<GuardOptions, "keys" | "operator_key">): string {
  if (isOperator(c, operator_key)) return "operator";
  return keys.length === 0 ? "" : digestOf(sentKey(c)).toString("hex");
}
