// For Node and Deno: Deno's own server notices a client that left before the answer only where head and body came in one read, and it
// closes the connection after each request with a body (https://github.com/denoland/deno/issues/36657).
import { createServer, ServerResponse, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { arrayBuffer } from "node:stream/consumers";
import type { ServerRequest } from "srvx";
import { FastResponse, toNodeHandler } from "srvx/node";
import type { ListenerEnv } from "../../http/app-env.ts";
import { createRefusals, refuseTunnel } from "./broken-requests.ts";
import { createConnections } from "./connections.ts";
import { connectionsThatFit } from "./descriptors.ts";
import { emptyError, type Fetch, type Listen } from "./listener.ts";

/** Longer than clients keep theirs: Node's 5 s would cut a connection just as a client sends its next request. */
const KEEP_ALIVE_MS = 75_000;

const ON_DENO = "Deno" in globalThis;

const env: ListenerEnv = {
  addressOf: (request: ServerRequest) => request.ip,
  // The text of a FastResponse is written as it is, with its length; Node's own class makes a web stream of it.
  Response: FastResponse as unknown as typeof Response,
};

export const listen: Listen = async (fetch, { host, port, max_connections, stall_ms, onDeaf }) => {
  const connections = createConnections({ most: connectionsThatFit(max_connections), idle_ms: KEEP_ALIVE_MS, stall_ms });
  const answer = toNodeHandler(withNodeBody(fetch)) as RequestListener;
  const { refuse, onClientError } = createRefusals(connections.lastAnswer);
  const onRequest: RequestListener = (request, response) => {
    if (refuse(request, response)) return;
    connections.start(request.socket, response);
    // Deno leaves a body that nobody has read where it is, and the next request behind it: https://github.com/denoland/deno/issues/36821
    if (ON_DENO && hasBody(request)) response.once("finish", () => request.resume());
    return answer(request, response);
  };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, ServerResponse: NodeAnswer }, onRequest);
  server.on("connection", connections.add);
  server.on("clientError", onClientError);
  server.on("connect", refuseTunnel);
  // An expectation that nobody knows binds nothing (RFC 9110 §10.1.1); Node alone would refuse it.
  server.on("checkExpectation", onRequest);
  await new Promise<void>((resolve, reject) => {
    // The listener stays: a later error, such as too many open files, would end the process.
    server.on("error", reject);
    server.listen({ host, port }, resolve);
  }).catch((error) => {
    connections.close();
    throw error;
  });
  const stopWatch = ON_DENO ? (await import("./deno-accept.ts")).keepAccepting(server, onDeaf) : () => {};
  const drain = async () => {
    stopWatch();
    // A connection that falls idle after close() would stay open for its keep-alive time.
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    await new Promise((resolve) => server.close(resolve));
    clearInterval(sweep);
    connections.close();
  };
  return { port: (server.address() as AddressInfo).port, drain, cut: () => server.closeAllConnections() };
};

function hasBody({ headers }: Pick<IncomingMessage, "headers">): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

class NodeAnswer<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  #text: string | undefined;

  /**
   * A text is the whole body, and srvx ends the answer after it: kept until then, it goes out with its head in one piece. In two pieces,
   * it would take a tenth of the processor time of `bench:pairs`, row `GET thread`, on Node.
   */
  override write(piece: string | Uint8Array, ...more: unknown[]): boolean {
    if (typeof piece !== "string") return super.write(piece, ...(more as []));
    this.#text = piece;
    return true;
  }

  override end(...args: unknown[]): this {
    const all = this.#text === undefined ? args : [this.#text, ...args];
    this.#text = undefined;
    return super.end(...(all as []));
  }

  /** An answer that breaks resets its connection: HTTP/1.0 has no other sign that it is not whole. */
  override destroy(error?: Error): this {
    if (error !== undefined && this.headersSent && !this.writableFinished) (this.socket as Socket | null)?.resetAndDestroy();
    return super.destroy(error);
  }
}

/**
 * Reads the body of a request from Node's own stream: a web stream and a second `Request` in between cost more than all else of a POST
 * (`bench:store`, row `POST message`). An error of `fetch` would end the process.
 */
function withNodeBody(fetch: Fetch) {
  return (request: ServerRequest): Response | Promise<Response> => {
    const req = request.runtime!.node!.req!;
    if (hasBody(req)) request.arrayBuffer = () => arrayBuffer(req);
    try {
      const answer = fetch(request, env);
      return answer instanceof Promise ? answer.catch(emptyError) : answer;
    } catch {
      return emptyError();
    }
  };
}
