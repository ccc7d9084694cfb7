// GETs of files: of one over a connection of its own, of many ranges over one connection.
import type { Dial } from "./dial-response.ts";
import { type HttpConnection, openHttpConnection } from "./http-connection.ts";

/** A body without `content-length` is not read. More memory than this is not faster, and on Bun it is kept several times over. */
export const dialFile: Dial = async (url, { headers, inside, signal }) =>
  openHttpConnection(url, inside, 1 << 18).get(url, { connection: "close", ...headers }, signal);

/**
 * `dialFile` for one range after the other: the connection to a host stays open for the next one, which saves its handshakes and its
 * memory. Slow ones need little of that.
 */
export function rangeDialer(): { dial: Dial; close(): void } {
  const lines = new Map<string, HttpConnection>();
  return {
    async dial(url, { headers, inside, signal }) {
      const key = `${url.origin} ${inside}`; // what was checked for somebody who may go inside was not checked
      let line = lines.get(key);
      if (!line?.free) lines.set(key, (line = openHttpConnection(url, inside, 1 << 16)));
      return line.get(url, headers, signal);
    },
    close: () => lines.forEach((line) => line.close()),
  };
}
