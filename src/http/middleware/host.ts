// Check 1: the host. DNS rebinding gives a foreign name this machine's address, but the browser still sends that name.
import { hostname } from "node:os";
import ipaddr from "ipaddr.js";
import type { Context } from "hono";
import type { Guard } from "../app-env.ts";
import { ApiError } from "../errors.ts";
import { quote } from "../../support/quote.ts";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** A rebound name can never be an address, so these are safe wherever the server listens beyond loopback. */
const PRIVATE = new Set(["private", "carrierGradeNat", "linkLocal", "uniqueLocal"]);

/** By these a container calls the machine that it runs on. */
const FROM_CONTAINERS = ["host.docker.internal", "host.containers.internal"];

/** What multicast DNS gives the machines of a network: no public name ends so. */
const LOCAL = /^[^.].*\.local$/;

const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::\d{1,5})?$/;

/**
 * Lets through requests whose one `Host` header names localhost, `127.0.0.1`, `[::1]` or one of `hosts`, whatever the port;
 * with `wide` also a private IP literal, and where it is `keyed` a name that this machine has in its network. Throws 403 `host_not_allowed`.
 */
export function hostGuard(hosts: string[], wide: boolean, keyed: boolean): Guard {
  const own = wide && keyed ? [...machineNames(), ...FROM_CONTAINERS] : [];
  const names = new Set([...LOOPBACK, ...hosts.map(withBrackets), ...own]);
  const isOurs = (name: string) => names.has(name) || (wide && (isPrivate(name) || (keyed && LOCAL.test(name))));
  // Nearly all requests of a server carry one host: it is matched once.
  let accepted: string | undefined;
  return function hostGuard(c) {
    const host = c.req.header("host");
    if (host === undefined || host !== accepted) {
      const name = host === undefined ? undefined : HOST.exec(host.toLowerCase())?.[1];
      if (name === undefined || !isOurs(name)) throw refuseHost(host, name);
      accepted = host;
    }
    return undefined;
  };
}

/** Whether the request calls the server by a name that leads to the browser's own machine. */
export function isLoopbackHost(c: Context): boolean {
  return LOOPBACK.includes(HOST.exec(c.req.header("host")?.toLowerCase() ?? "")?.[1] ?? "");
}

function withBrackets(name: string): string {
  return name.includes(":") && !name.startsWith("[") ? `[${name.toLowerCase()}]` : name.toLowerCase();
}

/** The machine's name, in full and without its domain. */
function machineNames(): string[] {
  const name = hostname().toLowerCase();
  return [name, name.split(".")[0]!];
}

function isPrivate(name: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(name)) return PRIVATE.has(ipaddr.IPv4.parse(name).range());
  const address = name.slice(1, -1);
  return name.startsWith("[") && ipaddr.IPv6.isValid(address) && PRIVATE.has(ipaddr.IPv6.parse(address).range());
}

/** `name` is that of `host`, without its port, where it has the form of one. */
function refuseHost(host: string | undefined, name = ""): ApiError {
  const what = host ? `The host ${quote(host)} is not allowed.` : "The request has no Host header.";
  // No name has an empty label, and the setting takes none.
  const remedy = name.split(".").includes("")
    ? "Call the server by localhost or another of its names."
    : `Call the server by localhost, or start it with --hosts=${name} to allow this name.`;
  return new ApiError(403, `${what} ${remedy}`, { code: "host_not_allowed" });
}
