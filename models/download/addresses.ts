// Which addresses a download may dial: those of the public internet, over https; others only where the user typed them.
import ipaddr from "ipaddr.js";
import { notAllowedError } from "../download-errors.ts";

/**
 * Checks an address before it is dialled, as far as that is possible without resolving its name. `typed`: the user named this host
 * and permits what lies behind it. Throws `SourceError` `url_not_allowed`.
 */
export function refuseUnsafeAddress(url: URL, { typed, redirected }: { typed: boolean; redirected: boolean }): void {
  if (typed) return;
  const host = hostOf(url);
  const local = isInside(url);
  if (local && redirected)
    throw notAllowedError(
      `It redirects to ${host}, ${INSIDE}, which is not followed.`,
      `It redirects to ${INSIDE}, which is not followed.`,
    );
  if (local) throw notAllowedError(`${host} is ${INSIDE}. ${WAY_OUT}`);
  if (url.protocol === "https:") return;
  const plain = "plain http, which anybody on the way can change";
  if (redirected)
    throw notAllowedError(
      `It redirects to ${url.host} over ${plain}, which is not followed.`,
      "It redirects to plain http, which is not followed.",
    );
  throw notAllowedError(`${url.host} would be asked over ${plain}. Use its https address. ${WAY_OUT}`);
}

/** Whether a host is of this machine or a private network, as far as that is seen without resolving its name. */
export function isInside(url: URL): boolean {
  const host = hostOf(url);
  return /(^|\.)localhost$/i.test(host) || (ipaddr.isValid(host) && !isPublic(host));
}

/** Whether an IP address, in any spelling, is one of the public internet. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const ip = ipaddr.process(address); // an IPv4 address inside an IPv6 one counts as itself
  if (ip.range() !== "unicast") return false;
  // IANA has given out 2000::/3 alone: other unicast, such as ::127.0.0.1, is no address of the public internet.
  return ip.kind() === "ipv4" || (ip.toByteArray()[0]! & 0xe0) === 0x20;
}

export const INSIDE = "an address inside this machine or a private network";
export const WAY_OUT = "The setting --allow-private permits it for an address that you type.";

// `URL` has already turned 0x7f000001, 2130706433, 0177.1 and full-width digits into 127.0.0.1.
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.+$/, "");
}
