// The proxies in front of the server whose word about their clients counts.
import ipaddr from "ipaddr.js";
import { parseRange } from "../../models/network/ip-range.ts";

export interface TrustedProxies {
  /** Whether one of them has the address. */
  has(address: string): boolean;
}

/** `ranges`: addresses, or ranges such as `10.0.0.0/8`; undefined where there are none. */
export function createTrustedProxies(ranges: readonly string[]): TrustedProxies | undefined {
  if (ranges.length === 0) return undefined;
  const parsed = ranges.map(parseRange).filter((range) => range !== undefined);
  return {
    has(text) {
      if (!ipaddr.isValid(text)) return false;
      // A socket for both families has IPv4 addresses inside IPv6 ones.
      const address = ipaddr.process(text);
      return parsed.some((range) => range[0].kind() === address.kind() && address.match(range));
    },
  };
}
