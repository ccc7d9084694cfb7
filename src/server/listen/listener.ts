// The interface of a runtime's listener.
import type { ListenerEnv } from "../../http/app-env.ts";

export type Fetch = (request: Request, env: ListenerEnv) => Response | Promise<Response>;

export interface ServeOptions {
  /** An address or a name of this machine; IPv6 with or without brackets. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  /**
   * Open connections, never more than half of the descriptors of the process. A further one takes the place of the longest idle one; on Bun,
   * which cannot count them, all idle ones are closed within a second.
   */
  max_connections?: number;
  /** Milliseconds after which the reader of an answer that takes nothing is given up; on Bun also the time of an idle connection. */
  stall_ms?: number;
  /** Called where the runtime no longer accepts connections and cannot be made to; absent: it is thrown, which ends the process. */
  onDeaf?: (error: Error) => void;
}

export interface Listener {
  port: number;
  /** Stops accepting, closes what is idle, resolves when all answers are out. */
  drain(): Promise<void>;
  /** Cuts every connection. */
  cut(): void;
}

/** `host` has no brackets. Rejects with the runtime's own error when the address cannot be had. */
export type Listen = (fetch: Fetch, options: Required<ServeOptions>) => Promise<Listener>;

/** The answer where the application itself throws. */
export const emptyError = (): Response => new Response(null, { status: 500 });

/** The answer to CONNECT, whose connection is closed: what follows on it would be no HTTP. */
export const TUNNEL_REFUSAL = {
  status: 405,
  headers: { allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", connection: "close", "content-length": "0" },
};
