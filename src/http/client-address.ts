// Whose address a request comes from, and by which scheme. What a proxy says of its clients counts where the settings trust that proxy, as
// anybody else could say it.
import type { Context } from "hono";
import ipaddr from "ipaddr.js";
import type { AppEnv } from "./app-env.ts";
import type { TrustedProxies } from "../support/trusted-proxies.ts";

/**
 * The address at the other end of the connection; where that is a trusted proxy, the rightmost of `X-Forwarded-For` that is none, since what
 * stands left of it the client may have written itself. Undefined where there is no socket.
 */
export function clientAddress(c: Context<AppEnv>, trusted: TrustedProxies | undefined): string | undefined {
  const peer = peerOf(c);
  if (trusted === undefined || peer === undefined || !trusted.has(peer)) return peer;
  const hops = (c.req.header("x-forwarded-for") ?? "").split(",").map((hop) => withoutPort(hop.trim()));
  const nearest = hops.findLast((hop) => !trusted.has(hop));
  return nearest !== undefined && ipaddr.isValid(nearest) ? nearest : peer;
}

/** Whether a trusted proxy got the request over https. */
export function isForwardedHttps(c: Context<AppEnv>, trusted: TrustedProxies | undefined): boolean {
  if (trusted === undefined || c.req.header("x-forwarded-proto")?.trim().toLowerCase() !== "https") return false;
  const peer = peerOf(c);
  return peer !== undefined && trusted.has(peer);
}

function peerOf(c: Context<AppEnv>): string | undefined {
  // Hono's `env` is undefined where `app.fetch` got the request alone.
  return c.env?.addressOf?.(c.req.raw);
}

/** A hop without the port that some proxies write behind it. */
function withoutPort(hop: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(hop)?.[1] ?? hop;
}
