// Gives a fetch function a socket. What the runtimes do differently is in listen/, a file each with the same outline.
import type { Fetch, Listener, ServeOptions } from "./listen/listener.ts";

export type { Fetch, ServeOptions };

export interface Server {
  /** The origin it answers at, with the real port and no slash at the end: `http://127.0.0.1:1337`. */
  url: string;
  /**
   * Stops accepting and closes idle connections at once, lets running answers finish for `grace_ms` milliseconds, cuts the others.
   * Resolves when all answers are out or cut. Safe to call twice: the shorter grace counts.
   */
  close(grace_ms: number): Promise<void>;
}

/**
 * Serves `fetch` over HTTP/1.1, the same on Bun, Deno and Node. `request.signal` aborts when the client leaves before the answer,
 * and a stream body is cancelled when it leaves amid it. Throws one sentence when the address cannot be had.
 */
export async function serve(fetch: Fetch, options: ServeOptions): Promise<Server> {
  const { host, port, max_connections = 1024, stall_ms = 30_000, onDeaf = rethrow } = options;
  const { listen } = "Bun" in globalThis ? await import("./listen/bun.ts") : await import("./listen/node.ts");
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const listener = await listen(fetch, { host: bare, port, max_connections, stall_ms, onDeaf }).catch((error) => {
    throw new Error(refusal(error, host, port), { cause: error });
  });
  const name = bare.includes(":") ? `[${bare}]` : bare;
  return { url: `http://${name}:${listener.port}`, close: closeWithGrace(listener) };
}

function rethrow(error: Error): never {
  throw error;
}

function closeWithGrace({ drain, cut }: Listener): Server["close"] {
  let drained: Promise<void> | undefined;
  return async (grace_ms) => {
    drained ??= drain();
    const timer = setTimeout(cut, grace_ms);
    await drained.finally(() => clearTimeout(timer));
  };
}

function refusal(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return `Port ${port} on ${host} is in use. Stop the other server or choose another port with --port.`;
  if (code === "EACCES") return `Port ${port} on ${host} is reserved for the system. Choose a port of 1024 or above with --port.`;
  return `The server cannot listen on ${host}, port ${port}. Choose an address of this machine with --host.`;
}
