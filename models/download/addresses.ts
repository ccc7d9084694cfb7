// Which addresses a download may dial: those of the public internet, over https; others only where the user typed them.
import ipaddr from "ipaddr.js";
import { isInRange, parseRange } from "../network/ip-range.ts";
import { notAllowedError } from "../download-errors.ts";

/**
 * Checks an address before it is dialled, as far as that is possible without resolving its name. `inside`: the user named this host, or
 * a setting does, and permits what lies behind it. Throws `SourceError` `url_not_allowed`.
 */
export function refuseUnsafeAddress(url: URL, { inside, redirected }: { inside: boolean; redirected: boolean }): void {
  if (inside) return;
  const host = hostOf(url);
  const local = isInside(url);
  if (local && redirected)
    throw notAllowedError(
      `It redirects to ${host}, ${INSIDE}, which is not followed. ${permitting(host)} permits it.`,
      `It redirects to ${INSIDE}, which is not followed.`,
    );
  if (local) throw notAllowedError(`${host} is ${INSIDE}. ${wayOut(host)}`);
  if (url.protocol === "https:") return;
  const plain = "plain http, which anybody on the way can change";
  if (redirected)
    throw notAllowedError(
      `It redirects to ${url.host} over ${plain}, which is not followed. ${permitting(host)} permits it.`,
      "It redirects to plain http, which is not followed.",
    );
  throw notAllowedError(`${url.host} would be asked over ${plain}. Use its https address. ${wayOut(host)}`);
}

/** Whether a host is of this machine or a private network, as far as that is seen without resolving its name. */
export function isInside(url: URL): boolean {
  const host = hostOf(url);
  return /(^|\.)localhost$/i.test(host) || (ipaddr.isValid(host) && !isPublic(host));
}

/** Whether an IP address, in any spelling, is one of the public internet. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const ip = inner(ipaddr.process(address)); // an IPv4 address inside an IPv6 one counts as itself
  if (ip.range() !== "unicast") return false;
  // IANA has given out 2000::/3 alone: other unicast, such as ::127.0.0.1, is no address of the public internet.
  return ip.kind() === "ipv4" || (ip.toByteArray()[0]! & 0xe0) === 0x20;
}

export const INSIDE = "an address inside this machine or a private network";

/** What permits a host, for the sentence that refuses it. */
export function wayOut(host: string): string {
  return `The setting --allow-private permits it for an address that you type, ${permitting(host)} for every download.`;
}

function permitting(host: string): string {
  // What fake-IP DNS answers changes from day to day, but never leaves this range.
  return `--download-hosts ${isInRange(host, FAKE_IPS) ? FAKE_IPS : host.toLowerCase()}`;
}

export const FAKE_IPS = "198.18.0.0/15";

/** Whether a host is one of those that a setting permits: by its name, by a suffix as in `*.lan`, or as an address by a range. */
export function isPermitted(url: URL, permitted: readonly string[]): boolean {
  const host = hostOf(url).toLowerCase();
  return permitted.some((entry) => {
    const name = entry.toLowerCase().replace(/\.$/, "");
    return name.startsWith("*.") ? host.endsWith(name.slice(1)) : host === name || isInRange(host, name);
  });
}

/** Whether `--download-hosts` may hold this. */
export function isHostPattern(text: string): boolean {
  return parseRange(text) !== undefined || /^(\*\.)?[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*\.?$/u.test(text);
}

/** Behind NAT64 the last 32 bits are the address that is dialled (RFC 6052); what stands for it elsewhere is not known from here. */
function inner(ip: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  return isInRange(ip.toString(), "64:ff9b::/96") ? ipaddr.fromByteArray(ip.toByteArray().slice(-4)) : ip;
}

// `URL` has already turned 0x7f000001, 2130706433, 0177.1 and full-width digits into 127.0.0.1.
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.+$/, "");
}
