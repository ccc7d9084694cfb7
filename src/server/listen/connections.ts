// The open connections of a listener on `node:net`: how many, which of them idle, and which have a reader that takes nothing.
import type { Socket } from "node:net";
import { readKernelQueues } from "./kernel-queues.ts";

export interface ConnectionLimits {
  /** Connections at a time. */
  most: number;
  /** Milliseconds without a request after which a connection is closed. */
  idle_ms: number;
  /** Milliseconds after which the reader of an answer that takes nothing is given up. */
  stall_ms: number;
}

/** A connection with a running request. */
interface Busy {
  /** Requests whose answers are not out: clients may send the next ones ahead. */
  requests: number;
  /** What its reader has taken, and when it last took something. */
  taken: string;
  taken_at: number;
}

export function createConnections({ most, idle_ms, stall_ms }: ConnectionLimits) {
  /** Connections without a running request, and since when; the longest idle first. Half a header is no request. */
  const idle = new Map<Socket, number>();
  const busy = new Map<Socket, Busy>();
  // Advanced by the sweep: a clock that is read with every request would cost more than all else here.
  let now = performance.now();

  const rest = (socket: Socket): void => {
    if (!socket.destroyed) idle.set(socket, now);
  };
  const drop = (socket: Socket): void => {
    idle.delete(socket);
    socket.destroy();
  };

  /** Counts a new connection, in place of the longest idle one where there are too many; of itself where all have running requests. */
  const add = (socket: Socket): void => {
    rest(socket);
    socket.once("close", () => {
      idle.delete(socket);
      busy.delete(socket);
    });
    if (idle.size + busy.size <= most) return;
    const [longest] = idle.keys();
    if (longest !== undefined) drop(longest);
  };

  const start = (socket: Socket): void => {
    idle.delete(socket);
    const known = busy.get(socket);
    if (known === undefined) busy.set(socket, { requests: 1, taken: "", taken_at: now });
    else known.requests++;
  };

  const end = (socket: Socket): void => {
    const known = busy.get(socket);
    if (known === undefined || --known.requests > 0) return;
    busy.delete(socket);
    rest(socket);
  };

  const sweep = (): void => {
    now = performance.now();
    for (const [socket, since] of idle) {
      if (now - since < idle_ms) break;
      drop(socket);
    }
    let queues: Map<number, string> | undefined;
    for (const [socket, state] of busy) {
      const taken = `${socket.bytesWritten - socket.writableLength}`;
      // Without anything to take, nobody stalls.
      if (socket.writableLength === 0 || !state.taken.startsWith(`${taken} `)) {
        [state.taken, state.taken_at] = [`${taken} `, now];
        continue;
      }
      queues ??= readKernelQueues(socket.localPort ?? 0);
      const in_all = `${taken} ${queues.get(socket.remotePort ?? 0)}`;
      const seen_before = state.taken !== `${taken} `;
      if (seen_before && in_all !== state.taken) state.taken_at = now;
      state.taken = in_all;
      // A reset also makes the kernel forget what it holds for the reader, who cannot take the part for the whole.
      if (now - state.taken_at >= stall_ms) socket.resetAndDestroy();
    }
  };
  const timer = setInterval(sweep, Math.min(2_000, stall_ms / 5));
  timer.unref();

  return { add, start, end, close: () => clearInterval(timer) };
}
