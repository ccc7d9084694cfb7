// Check 1: the host. DNS rebinding gives a foreign name this machine's address, but the browser still sends that name.
import ipaddr from "ipaddr.js";
import type { Context } from "hono";
import type { Guard } from "../app-env.ts";
import { ApiError } from "../errors.ts";
import { quote } from "../../support/quote.ts";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** A rebound name can never be an address, so these are safe wherever the server listens beyond loopback. */
const PRIVATE = new Set(["private", "carrierGradeNat", "linkLocal", "uniqueLocal"]);

const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::\d{1,5})?$/;

/**
 * Lets through requests whose one `Host` header names localhost, `127.0.0.1`, `[::1]` or one of `hosts`, whatever the port;
 * with `wide` also a private IP literal. Throws 403 `host_not_allowed`.
 */
export function hostGuard(hosts: string[], wide: boolean): Guard {
  const names = new Set([...LOOPBACK, ...hosts.map(withBrackets)]);
  // Nearly all requests of a server carry one host: it is matched once.
  let accepted: string | undefined;
  return function hostGuard(c, next) {
    const host = c.req.header("host");
    if (host === undefined || host !== accepted) {
      const name = host === undefined ? undefined : HOST.exec(host.toLowerCase())?.[1];
      if (name === undefined || !(names.has(name) || (wide && isPrivate(name)))) throw refuseHost(host);
      accepted = host;
    }
    return next();
  };
}

/** Whether the request calls the server by a name that leads to the browser's own machine. */
export function isLoopbackHost(c: Context): boolean {
  return LOOPBACK.includes(HOST.exec(c.req.header("host")?.toLowerCase() ?? "")?.[1] ?? "");
}

function withBrackets(name: string): string {
  return name.includes(":") && !name.startsWith("[") ? `[${name.toLowerCase()}]` : name.toLowerCase();
}

function isPrivate(name: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(name)) return PRIVATE.has(ipaddr.IPv4.parse(name).range());
  const address = name.slice(1, -1);
  return name.startsWith("[") && ipaddr.IPv6.isValid(address) && PRIVATE.has(ipaddr.IPv6.parse(address).range());
}

function refuseHost(host: string | undefined): ApiError {
  const what = host ? `The host ${quote(host)} is not allowed.` : "The request has no Host header.";
  return new ApiError(403, `${what} Call the server by localhost, or start it with --hosts and that name.`, {
    code: "host_not_allowed",
  });
}
