// The interface of a runtime's listener.
import type { ListenerEnv } from "../../http/app-env.ts";

export type Fetch = (request: Request, env: ListenerEnv) => Response | Promise<Response>;

export interface ServeOptions {
  /** An address or a name of this machine; IPv6 with or without brackets. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Open connections; further ones are closed at once. Bun cannot count them and takes all. */
  max_connections?: number;
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
