// Resolves names of downloads; a file of its own, as servers that download nothing need no resolver.
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from "node:dns";
import { notAllowedError } from "../download-errors.ts";
import { INSIDE, isPublic, WAY_OUT } from "./addresses.ts";

/** The callback of `lookup` of `node:net`; a list where `options.all` is set. */
type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** Resolves a name for a connection, and fails where any of its addresses is not public: the check sees what is dialled. */
export function publicLookup(host: string, options: LookupOptions, answered: LookupCallback): void {
  systemLookup(host, { ...options, all: true }, (error, found) => {
    if (error) return answered(error, []);
    const inside = found.find(({ address }) => !isPublic(address));
    if (inside) {
      // What a name of this network resolves to is not for everybody who may ask for it.
      const public_message = `${host} leads to ${INSIDE}. ${WAY_OUT}`;
      return answered(notAllowedError(`${host} leads to ${inside.address}, ${INSIDE}. ${WAY_OUT}`, public_message), []);
    }
    if (options.all) return answered(null, found);
    answered(null, found[0]!.address, found[0]!.family);
  });
}
