// Node, and Deno too: the server of Deno tells of a client that left before the answer only where head and body came in one read, and
// it closes the connection after each request with a body (https://github.com/denoland/deno/issues/36657).
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { arrayBuffer } from "node:stream/consumers";
import type { ServerRequest } from "srvx";
import { FastResponse, toNodeHandler } from "srvx/node";
import type { ListenerEnv } from "../../http/listener-env.ts";
import { emptyError, type Fetch, type Listen } from "./listener.ts";

/** Longer than clients keep theirs: Node's 5 s would cut a connection just as a client sends its next request. */
const KEEP_ALIVE_MS = 75_000;

const env: ListenerEnv = {
  addressOf: (request: ServerRequest) => request.ip,
  // Text in one of these is written as it is, with its length. In Node's own it becomes a web stream that has to be read again.
  Response: FastResponse as unknown as typeof Response,
};

export const listen: Listen = async (fetch, { host, port, max_connections }) => {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, toNodeHandler(withNodeBody(fetch)) as RequestListener);
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

/**
 * Hands a request to `fetch` with its body read from Node's own stream: a web stream and a second `Request` in between cost more than
 * all else of a POST. What `fetch` throws would end the process.
 */
function withNodeBody(fetch: Fetch) {
  return async (request: ServerRequest): Promise<Response> => {
    const { req } = request.runtime!.node!;
    request.arrayBuffer = () => arrayBuffer(req!);
    try {
      return await fetch(request, env);
    } catch {
      return emptyError();
    }
  };
}
