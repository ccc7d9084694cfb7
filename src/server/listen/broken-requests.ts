// Requests that `node:http` cannot read, reads although they are none of HTTP/1, or behind which it loses bytes. Nothing more on their
// connection is looked at: it may be part of a body whose end others see elsewhere (RFC 9112 §11.2).
import { STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { TUNNEL_REFUSAL } from "./listener.ts";

/** By the code of the parser's error; any other is a 400. */
const STATUS: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

const CLOSING = { connection: "close", "content-length": "0" };

/** Time in which a refused client may read its answer: a connection that is closed with bytes unread takes the answer back. */
const LINGER_MS = 1_000;

const ORIGIN = /^https?:\/\/[^/?#]*/i;

/** `lastAnswer`: the answer to the latest request of a connection. */
export function createRefusals(lastAnswer: (socket: Duplex) => ServerResponse | undefined) {
  /** Connections of which no further request is taken. */
  const ending = new WeakSet<Duplex>();

  /** Whether the request was refused. Of a target that is a whole URL its path remains: for whom it is, the `Host` header says. */
  const refuse = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (ending.has(request.socket)) return true;
    if (!request.url!.startsWith("/")) request.url = pathOf(request.url!);
    const status = statusFor(request);
    // Where nobody upgrades, what came in one packet with such a request is gone, and the rest of it would be taken for a request.
    if (status === undefined && request.headers.upgrade === undefined) return false;
    ending.add(request.socket);
    response.shouldKeepAlive = false;
    if (status !== undefined) response.writeHead(status, CLOSING).end();
    return status !== undefined;
  };

  /**
   * For `clientError`. The answer to a whole request is let out first: Node's own refusal would take its place, and say of a request
   * that was carried out that it could not be read.
   */
  const onClientError = (error: NodeJS.ErrnoException, socket: Duplex): void => {
    // Deno has let go of the connection's parser by now. Another connection will have it, and would be fed what comes on this one.
    socket.removeAllListeners("data").removeAllListeners("end");
    if (ending.has(socket)) return;
    ending.add(socket);
    const last = lastAnswer(socket);
    const end = () => endBroken(error, socket);
    if (last === undefined || !socket.writable) end();
    else if (last.req.complete) whenOut(last, end);
    else if (last.headersSent || hasLeft(error)) socket.destroy();
    else refuseBody(last, error);
  };

  return { refuse, onClientError };
}

/** For `connect`, which asks for a tunnel: no HTTP would follow. */
export function refuseTunnel(_request: IncomingMessage, socket: Duplex): void {
  endWith(socket, TUNNEL_REFUSAL.status, TUNNEL_REFUSAL.headers);
}

function pathOf(target: string): string {
  return target.replace(ORIGIN, "").replace(/^(?=[?#]|$)/, "/");
}

/** Undefined for a request of HTTP/1 whose end is clear. */
function statusFor({ httpVersionMajor, httpVersionMinor, headers, url }: IncomingMessage): number | undefined {
  // llhttp takes a request line without a version for one of HTTP/0.9, with headers and body: https://github.com/nodejs/llhttp/issues/877
  if (httpVersionMajor !== 1) return 505;
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && (httpVersionMinor === 0 || coding.toLowerCase() !== "chunked")) return 400;
  return url!.startsWith("/") ? undefined : 400;
}

function whenOut(answer: ServerResponse, act: () => void): void {
  if (answer.writableFinished) act();
  else answer.once("close", act);
}

/** Whether the client has left amid a request, and reads no answer. */
function hasLeft({ code }: NodeJS.ErrnoException): boolean {
  return code === "HPE_INVALID_EOF_STATE";
}

/** In the turn of the request whose body is broken, whose handler gets no more of it. */
function refuseBody(answer: ServerResponse, { code = "" }: NodeJS.ErrnoException): void {
  // The handler's own answer comes too late.
  answer.on("error", () => {});
  answer.writeHead(STATUS[code] ?? 400, CLOSING).end();
}

function endBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (hasLeft(error) || !socket.writable) socket.destroy();
  else endWith(socket, STATUS[error.code ?? ""] ?? 400);
}

function endWith(socket: Duplex, status: number, headers: OutgoingHttpHeaders = CLOSING): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on("error", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n`);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
