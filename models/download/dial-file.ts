// GETs of files: of one over a connection of its own, of many ranges over one connection.
import type { Dial } from "./dial.ts";
import { type HttpConnection, openHttpConnection } from "./http-connection.ts";

/** A body without `content-length` is not read. */
export const dialFile: Dial = async (url, { headers, inside, signal }) =>
  openHttpConnection(url, inside, 1 << 18).get(url, { connection: "close", ...headers }, signal);

/** `dialFile` for one range after the other: the connection to a host stays open for the next one, which saves its handshakes. */
export function createRangeDialer(): { dial: Dial; close(): void } {
  const connections = new Map<string, HttpConnection>();
  return {
    async dial(url, { headers, inside, signal }) {
      // Not shared between the two kinds: a connection that may lead inside has passed no check of its address.
      const key = `${url.origin} ${inside}`;
      let connection = connections.get(key);
      if (!connection?.free) connections.set(key, (connection = openHttpConnection(url, inside, 1 << 16)));
      return connection.get(url, headers, signal);
    },
    close: () => connections.forEach((connection) => connection.close()),
  };
}
