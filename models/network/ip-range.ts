// Ranges of IP addresses, such as 10.0.0.0/8 and fd00::/8; an address alone is a range of one.
import ipaddr from "ipaddr.js";

/** Whether an address lies in a range; false where one of them is none. An IPv4 address inside an IPv6 one counts as itself. */
export function isInRange(address: string, range: string): boolean {
  const parsed = parseRange(range);
  if (parsed === undefined || !ipaddr.isValid(address)) return false;
  const ip = ipaddr.process(address);
  return ip.kind() === parsed[0].kind() && ip.match(parsed);
}

/** Undefined for what is no range. */
export function parseRange(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  if (!ipaddr.IPv6.isValid(text) && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  const ip = ipaddr.process(text);
  return [ip, ip.kind() === "ipv4" ? 32 : 128];
}
