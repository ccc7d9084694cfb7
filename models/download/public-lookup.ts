// Resolves names of downloads; a file of its own, as servers that download nothing need no resolver.
import { lookup as systemLookup, type LookupAddress } from "node:dns";
import { notAllowedError } from "../download-errors.ts";
import type { LookupFunction } from "node:net";
import { isInRange } from "../network/ip-range.ts";
import { FAKE_IPS, INSIDE, isPublic, wayOut } from "./addresses.ts";

/**
 * Resolves a name for a connection, and fails where any of its addresses is neither public nor in a range that is `permitted`: the check sees
 * what is dialled.
 */
export function createPublicLookup(permitted: readonly string[] = []): LookupFunction {
  const isAllowed = ({ address }: LookupAddress): boolean =>
    isPublic(address) || permitted.some((range) => isInRange(address, range));
  return (host, options, answered) => {
    systemLookup(host, { ...options, all: true }, (error, found) => {
      if (error) return answered(error, []);
      const inside = found.find((address) => !isAllowed(address));
      if (inside) {
        // What a name of this network resolves to is not for everybody who may ask for it.
        const public_message = `${host} leads to ${INSIDE}. ${wayOut(host)}`;
        const way_out = wayOut(isInRange(inside.address, FAKE_IPS) ? inside.address : host);
        return answered(notAllowedError(`${host} leads to ${inside.address}, ${INSIDE}. ${way_out}`, public_message), []);
      }
      if (options.all) return answered(null, found);
      answered(null, found[0]!.address, found[0]!.family);
    });
  };
}
