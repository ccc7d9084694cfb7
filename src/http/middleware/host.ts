// Check 1. DNS rebinding gives a foreign name this machine's address, but the browser still sends that name.
import ipaddr from "ipaddr.js";
import { ApiError } from "../errors.ts";
import { quote } from "../../support/quote.ts";
import type { Check } from "./check.ts";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** A rebound name can never be an address, so these are safe wherever the server listens beyond loopback. */
const PRIVATE = new Set(["private", "carrierGradeNat", "linkLocal", "uniqueLocal"]);

const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::\d{1,5})?$/;

/**
 * Lets through requests whose one `Host` header names localhost, `127.0.0.1`, `[::1]` or one of `hosts`, whatever the port;
 * with `wide` also a private IP literal. Throws 403 `host_not_allowed`.
 */
export function host(hosts: string[], wide: boolean): Check {
  const names = new Set([...LOOPBACK, ...hosts.map(bracketed)]);
  let accepted: string | undefined;
  return (c) => {
    const given = c.req.header("host");
    // Nearly all requests say the same.
    if (given !== undefined && given === accepted) return;
    const name = given === undefined ? undefined : HOST.exec(given.toLowerCase())?.[1];
    if (name === undefined || !(names.has(name) || (wide && isPrivate(name)))) throw refused(given);
    accepted = given;
  };
}

function bracketed(name: string): string {
  return name.includes(":") && !name.startsWith("[") ? `[${name.toLowerCase()}]` : name.toLowerCase();
}

function isPrivate(name: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(name)) return PRIVATE.has(ipaddr.IPv4.parse(name).range());
  const address = name.slice(1, -1);
  return name.startsWith("[") && ipaddr.IPv6.isValid(address) && PRIVATE.has(ipaddr.IPv6.parse(address).range());
}

function refused(given: string | undefined): ApiError {
  const what = given ? `The host ${quote(given)} is not allowed.` : "The request has no Host header.";
  return new ApiError(403, `${what} Call the server by localhost, or start it with --hosts and that name.`, {
    code: "host_not_allowed",
  });
}
