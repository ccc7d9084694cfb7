// One request to another server, and nothing else on its connection: an abort closes it, a silence ends it, a redirect is an answer.
// node:http, since `fetch` does not say whether a connection was made: only a request that never reached a server is harmless to others
// (tests/adapters/upstream.test.ts, "a server that takes no connection is given up after the time for that").
import { addAbortListener } from "node:events";
import { request as requestHttp, type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import { httpAgent, httpsAgent } from "../../models/network/direct-agents.ts";
import { type Proxies, proxyFor } from "../../models/network/proxies.ts";
import { ProxyError } from "../../models/network/proxy-error.ts";
import { connectThrough, denialOf, requestThrough } from "../../models/network/tunnel.ts";
import { ServerFailure, publicMessageOf } from "./errors.ts";

/** How long a server may be silent, in milliseconds. */
export interface UpstreamTimeouts {
  /** Until there is a connection. */
  connect_ms: number;
  /** From then on until the first byte of the answer. */
  first_ms: number;
  /** Between two pieces of the answer. */
  amid_ms: number;
}

export interface UpstreamRequest {
  url: string;
  /** JSON to be posted; absent: GET. */
  body?: string;
  key?: string | undefined;
  timeouts: UpstreamTimeouts;
  /** Absent: the server is asked directly. */
  proxies?: Proxies | undefined;
  signal: AbortSignal;
}

/**
 * The response, whose `close` is needed where the body is not read. Throws `ServerFailure`, `engine_unavailable` as long as there is no
 * connection and `upstream_error` afterwards, and the signal's reason; so does its body.
 */
export async function sendRequest(asked: UpstreamRequest) {
  const { url, body, timeouts, proxies, signal } = asked;
  signal.throwIfAborted();
  const address = new URL(url);
  const through = await routeThrough(address, timeouts, proxies, signal);
  const request = through
    ? requestThrough(through.proxy, address, through.socket, optionsOf(asked))
    : requestFrom(address, asked);
  const connection = watchConnection(request, address.host, timeouts, signal);
  const connected = address.protocol === "https:" ? "secureConnect" : "connect";
  if (through) connection.connected();
  else request.once("socket", (socket) => socket.once(connected, connection.connected));
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on("response", resolve).on("error", reject).end(body);
    });
    const { statusCode = 0, headers } = response;
    const denial = through && denialOf(through.proxy, statusCode, headers["proxy-authenticate"]?.toString());
    if (denial) throw denial;
    return { status: statusCode, headers, body: connection.read(response), close: connection.close };
  } catch (error) {
    connection.close();
    throw error instanceof ProxyError ? proxyFailure(error) : connection.reasonOf(error);
  }
}

function optionsOf({ body, key }: UpstreamRequest): RequestOptions {
  return { method: body === undefined ? "GET" : "POST", headers: headersOf(body, key) };
}

function requestFrom(address: URL, asked: UpstreamRequest): ClientRequest {
  const secure = address.protocol === "https:";
  return (secure ? requestHttps : requestHttp)(address, {
    ...optionsOf(asked),
    // A kept connection may be closed by the other side just when it is used again: to tell that from a server that died is guesswork,
    // and a connection costs nothing beside an answer.
    agent: secure ? httpsAgent : httpAgent,
  });
}

/** A connection through the proxy that is on the way; undefined where there is none. Throws `ServerFailure` and the signal's reason. */
async function routeThrough(address: URL, { connect_ms }: UpstreamTimeouts, proxies: Proxies | undefined, signal: AbortSignal) {
  const limit = AbortSignal.timeout(connect_ms);
  try {
    const proxy = proxyFor(address, proxies);
    if (proxy === undefined) return undefined;
    return { proxy, socket: await connectThrough(proxy, address, AbortSignal.any([signal, limit])) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ProxyError) throw proxyFailure(error);
    const { code, message } = error as NodeJS.ErrnoException;
    const what = limit.aborted ? `cannot be reached within ${connect_ms / 1000} s` : "cannot be reached";
    const why = limit.aborted ? ", through a proxy" : ` (${code ?? message})`;
    const options = { public_message: publicMessageOf(what), cause: error };
    throw new ServerFailure("declined", "engine_unavailable", `${address.host} ${what}${why}.`, options);
  }
}

/** No server had the request. */
function proxyFailure(error: ProxyError): ServerFailure {
  const { message, public_message, lasting, retry_ms } = error;
  const retry_after = retry_ms ? Math.ceil(retry_ms / 1000) : undefined;
  return new ServerFailure("declined", "engine_unavailable", message, { public_message, lasting, retry_after, cause: error });
}

/** Ends the request when the signal is aborted or the server is silent for too long, and remembers why. */
function watchConnection(
  request: ClientRequest,
  host: string,
  { connect_ms, first_ms, amid_ms }: UpstreamTimeouts,
  signal: AbortSignal,
) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reached = false;
  let reason: { thrown: unknown } | undefined;
  /** `why`: the system's word, in parentheses. */
  const failure = (what: string, why = "", cause?: unknown) => {
    const options = { public_message: publicMessageOf(what), cause };
    return reached
      ? new ServerFailure("broken", "upstream_error", `${host} ${what}${why}.`, options)
      : new ServerFailure("declined", "engine_unavailable", `${host} ${what}${why}.`, options);
  };
  const end = (thrown: unknown): void => {
    reason ??= { thrown };
    // Without an error not every runtime reports the end.
    request.destroy(new Error("given up"));
  };
  const limit = (ms: number, message: string): void => {
    clearTimeout(timer);
    timer = setTimeout(() => end(failure(`${message} ${ms / 1000} s`)), ms);
  };
  const abort_listener = addAbortListener(signal, () => end(signal.reason));
  limit(connect_ms, "cannot be reached within");

  const close = (): void => {
    clearTimeout(timer);
    abort_listener[Symbol.dispose]();
    request.destroy();
  };
  /** The reason for the end, whatever error the runtime makes of it. */
  const reasonOf = (error: unknown): unknown => {
    if (reason !== undefined) return reason.thrown;
    const { code, message } = error as NodeJS.ErrnoException;
    return failure(reached ? "broke off" : "cannot be reached", ` (${code ?? message})`, error);
  };
  return {
    /** Closes the connection; safe to call twice. */
    close,
    reasonOf,
    connected(): void {
      reached = true;
      limit(first_ms, "gave no sign of life for");
    },
    /** Leaving the iteration closes the connection. */
    async *read(response: IncomingMessage): AsyncGenerator<Uint8Array> {
      try {
        for await (const bytes of response) {
          // No limit while the bytes wait to be read: a slow client is not a silence of the server.
          clearTimeout(timer);
          yield bytes;
          signal.throwIfAborted();
          limit(amid_ms, "stopped amid its answer and gave no sign of life for");
        }
      } catch (error) {
        throw reasonOf(error);
      } finally {
        close();
      }
    },
  };
}

/** The body is all that another server learns of a client. */
function headersOf(body: string | undefined, key: string | undefined): Record<string, string> {
  return {
    "accept-encoding": "identity",
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(body !== undefined && {
      accept: "text/event-stream",
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
    }),
  };
}
