// Tells clients apart, where they share the slots of a model.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import { clientAddress } from "./client-address.ts";
import type { GuardOptions } from "./middleware/guards.ts";
import { digestOf, isOperator, sentKey } from "./middleware/auth.ts";

/**
 * The client of a request: a digest of the API key that was sent, else the address of the client; one and the same for all where there
 * is no socket.
 */
export function clientOf(
  c: Context<AppEnv>,
  { keys, wide, trusted_proxies }: Pick<GuardOptions, "keys" | "wide" | "trusted_proxies">,
): string {
  // A key that nobody checked tells programs of this machine apart. From elsewhere each request could bring a new one.
  const key = keys.length > 0 || !wide ? sentKey(c) : "";
  if (key !== "") return digestOf(key).toString("base64");
  return clientAddress(c, trusted_proxies) ?? "";
}

/**
 * `ChatRequest.cache_scope`: a digest of the API key where the server has keys. Without keys all clients are one, and the commands of the
 * server's owner are another one, whose scope stays the same although each start of the server has another operator's key.
 */
export function cacheScopeOf(c: Context<AppEnv>, { keys, operator_key }: Pick<GuardOptions, "keys" | "operator_key">): string {
  if (isOperator(c, operator_key)) return "operator";
  return keys.length === 0 ? "" : digestOf(sentKey(c)).toString("hex");
}
