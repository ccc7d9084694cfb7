// The open connections of a listener on `node:net`: how many, which of them idle, and which have a reader that takes nothing.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readKernelQueues } from "./kernel-queues.ts";

export interface ConnectionLimits {
  /** Connections at a time. */
  most: number;
  /** Milliseconds without a request after which a connection is closed. */
  idle_ms: number;
  /** Milliseconds after which the reader of an answer that takes nothing is given up. */
  stall_ms: number;
}

interface Connection {
  /** The answer to its latest request; half a header is no request. */
  last: ServerResponse | undefined;
  /** Grows with each use of any connection. */
  order: number;
  used_at: number;
  /** What the reader of a running answer has taken, and when it last took something. */
  taken: string;
  taken_at: number;
}

const isIdle = ({ last }: Connection): boolean => last === undefined || last.writableFinished || last.destroyed;

export function createConnections({ most, idle_ms, stall_ms }: ConnectionLimits) {
  const open = new Map<Socket, Connection>();
  let uses = 0;
  // Advanced by the sweep: a clock that is read with every request, or a listener for its end, shows in `bench:pairs`, row `GET thread`.
  let now = performance.now();

  const use = (connection: Connection): void => {
    connection.order = uses++;
    connection.used_at = now;
  };

  const close = (socket: Socket): void => {
    open.delete(socket);
    socket.destroy();
  };

  /** Counts a new connection, in place of the longest idle one where there are too many; of itself where all have running requests. */
  const add = (socket: Socket): void => {
    const connection = { last: undefined, order: 0, used_at: now, taken: "", taken_at: now };
    use(connection);
    open.set(socket, connection);
    socket.once("close", () => open.delete(socket));
    if (open.size > most) close(longestIdle() ?? socket);
  };

  const longestIdle = (): Socket | undefined => {
    let found: [Socket, Connection] | undefined;
    for (const each of open) if (isIdle(each[1]) && !(found && found[1].order < each[1].order)) found = each;
    return found?.[0];
  };

  /** To be called with each request: its connection is not idle until `response` is out. */
  const start = (socket: Socket, response: ServerResponse): void => {
    const connection = open.get(socket);
    if (connection === undefined) return;
    connection.last = response;
    use(connection);
  };

  const lastAnswer = (socket: Duplex): ServerResponse | undefined => open.get(socket as Socket)?.last;

  const isStalled = (socket: Socket, connection: Connection, queuesOf: () => Map<number, string>): boolean => {
    const taken = `${socket.bytesWritten - socket.writableLength} `;
    // Without anything to take, nobody stalls.
    if (socket.writableLength === 0 || !connection.taken.startsWith(taken)) {
      [connection.taken, connection.taken_at] = [taken, now];
      return false;
    }
    const in_all = `${taken}${queuesOf().get(socket.remotePort ?? 0)}`;
    if (connection.taken !== taken && connection.taken !== in_all) connection.taken_at = now;
    connection.taken = in_all;
    return now - connection.taken_at >= stall_ms;
  };

  const sweep = (): void => {
    now = performance.now();
    let queues: Map<number, string> | undefined;
    for (const [socket, connection] of open) {
      if (isIdle(connection)) {
        if (now - connection.used_at >= idle_ms) close(socket);
        continue;
      }
      use(connection);
      // A reset makes the kernel forget too what it holds for the reader, who cannot take the part for the whole.
      if (isStalled(socket, connection, () => (queues ??= readKernelQueues(socket.localPort ?? 0)))) socket.resetAndDestroy();
    }
  };
  const timer = setInterval(sweep, Math.min(2_000, stall_ms / 5));
  timer.unref();

  return { add, start, lastAnswer, close: () => clearInterval(timer) };
}
