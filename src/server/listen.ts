// Gives a fetch function a socket: the one file of src/ that names a runtime. One function a runtime, all with the same outline.
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServerRequest } from "srvx";
import type { Peers } from "../support/peers.ts";

/** Longer than clients keep theirs: Node's 5 s would cut a connection just as a client sends its next request. */
const KEEP_ALIVE_MS = 75_000;

/** `peers` are those of the socket, the same with every request: it costs nothing where nobody asks. */
export type Fetch = (request: Request, peers: Peers) => Response | Promise<Response>;

export interface ServeOptions {
  /** An address or a name of this machine; IPv6 with or without brackets. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Open connections; further ones are closed at once. Bun cannot count them and takes all. */
  max_connections?: number;
}

export interface Server {
  /** The origin it answers at, with the real port and no slash at the end: `http://127.0.0.1:1337`. */
  url: string;
  /**
   * Stops accepting and closes idle connections at once, lets running answers finish for `grace_ms` milliseconds, cuts the rest.
   * Resolves when all answers are out or cut. Safe to call twice: the shorter grace counts.
   */
  close(grace_ms: number): Promise<void>;
}

/** What the three runtimes do differently. */
interface Listener {
  port: number;
  /** Stops accepting, closes what is idle, resolves when all answers are out. */
  drain(): Promise<void>;
  /** Cuts every connection. */
  cut(): void;
}

/** Before it knows of peers. */
type OwnFetch = (request: Request) => Response | Promise<Response>;

type Listen = (fetch: Fetch, options: Required<ServeOptions>) => Promise<Listener>;

/**
 * Serves `fetch` over HTTP/1.1, the same on Bun, Deno and Node. `request.signal` aborts when the client leaves before the answer,
 * and a stream body is cancelled when it leaves amid it. Throws one sentence when the address cannot be had.
 */
export async function serve(fetch: Fetch, { host, port, max_connections = 1024 }: ServeOptions): Promise<Server> {
  const options = { host: host.replace(/^\[(.*)\]$/, "$1"), port, max_connections };
  const listener = await runtime()(fetch, options).catch((error) => {
    throw new Error(refusal(error, host, port), { cause: error });
  });
  return { url: origin(options.host, listener.port), close: closer(listener) };
}

function runtime(): Listen {
  return "Bun" in globalThis ? onBun : onNode;
}

const onBun: Listen = async (fetch, { host, port }) => {
  const peers: Peers = { addressOf: (request) => server.requestIP(request)?.address };
  const server = Bun.serve({
    hostname: host,
    port,
    // Else a second server would share the port, on Linux, and each get some of the requests.
    reusePort: false,
    development: false,
    // For connections that never finish a request. A running one is freed of it: the default cuts an answer silent for 10 s.
    idleTimeout: 60,
    // Bun's own limit answers without a body; the guards have a lower one.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch(request, server) {
      // What GET asks for is there, or a stream that says something every few seconds; and each call here costs a tenth of a GET.
      if (request.method !== "GET") server.timeout(request, 0);
      return fetch(request, peers);
    },
    // Instead of `guarded`: Bun can do it without another promise a request.
    error: failed,
  });
  return { port: server.port!, drain: () => server.stop(), cut: () => void server.stop(true) };
};

// Deno too: its own server tells of a client that left before the answer only where head and body came in one read, and it closes
// the connection after each request with a body (https://github.com/denoland/deno/issues/36657).
const onNode: Listen = async (fetch, { host, port, max_connections }) => {
  const [{ createServer }, { FastResponse, toNodeHandler }, { arrayBuffer }] = await Promise.all([
    import("node:http"),
    import("srvx/node"),
    import("node:stream/consumers"),
  ]);
  // Text that becomes a web stream only to be read from it again costs more than all else of an answer, and its length is lost.
  globalThis.Response = FastResponse as unknown as typeof Response;
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS },
    toNodeHandler(guarded(withOwnBody(fetch, arrayBuffer))) as RequestListener,
  );
  server.maxConnections = max_connections;
  await new Promise<void>((resolve, reject) => {
    // Not once: a later error, such as too many open files, would end the process.
    server.on("error", reject);
    server.listen({ host, port }, resolve);
  });
  const drain = async () => {
    // A connection that falls idle after close() would stay open for its keep-alive time.
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    await new Promise((resolve) => server.close(resolve));
    clearInterval(sweep);
  };
  return { port: (server.address() as AddressInfo).port, drain, cut: () => server.closeAllConnections() };
};

/** The body from Node's own stream: on its way through a web stream and a second `Request` it costs more than all else of a POST. */
function withOwnBody(fetch: Fetch, arrayBuffer: (req: AsyncIterable<unknown>) => Promise<ArrayBuffer>): OwnFetch {
  const peers: Peers = { addressOf: (request: ServerRequest) => request.ip };
  return (request: ServerRequest) => {
    const { req } = request.runtime!.node!;
    request.arrayBuffer = () => arrayBuffer(req!);
    return fetch(request, peers);
  };
}

/** A throw beyond the app's own `onError` would end the process. */
function guarded(fetch: OwnFetch): OwnFetch {
  return async (request) => {
    try {
      return await fetch(request);
    } catch {
      return failed();
    }
  };
}

const failed = (): Response => new Response(null, { status: 500 });

function closer({ drain, cut }: Listener): Server["close"] {
  let drained: Promise<void> | undefined;
  return async (grace_ms) => {
    drained ??= drain();
    const timer = setTimeout(cut, grace_ms);
    await drained.finally(() => clearTimeout(timer));
  };
}

function origin(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function refusal(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return `Port ${port} on ${host} is in use. Stop the other server or choose another port with --port.`;
  if (code === "EACCES") return `Port ${port} on ${host} is reserved for the system. Choose a port of 1024 or above with --port.`;
  return `The server cannot listen on ${host}, port ${port}. Choose an address of this machine with --host.`;
}
