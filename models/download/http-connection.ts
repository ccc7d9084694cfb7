// A bare connection for GETs of files, one after the other: a runtime's HTTP client makes an object of every 16 to 64 KB that come,
// which takes twice the time of receiving them, and up to 300 MB on Deno. Here they all come through the same memory.
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { publicLookup } from "./addresses.ts";
import type { DialResponse } from "./dial-response.ts";
import { createHeadReader, type ResponseHead } from "./http-head.ts";
import { createReceiveBuffer } from "./receive-buffer.ts";

export interface HttpConnection {
  /** The answer before it has come to its end, and the line may be used again. */
  readonly free: boolean;
  /** One GET of the host that the line leads to; a body without `content-length` is not read. Throws what the connection throws. */
  get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<DialResponse>;
  close(): void;
}

/** An answer that has not come to its end. */
interface PendingResponse {
  read(bytes: Uint8Array): { head: ResponseHead; rest: Uint8Array } | undefined;
  resolve(answer: DialResponse): void;
  /** Does nothing once there is a head. */
  reject(error: Error): void;
  /** Bytes of the body that are to come; undefined before the head. */
  left: number | undefined;
  /** The line stays open behind it. */
  kept: boolean;
  over(): void;
}

/** `most`: bytes that one call of the system gives at most, and that may wait for their reader before the sender is held back. */
export function openHttpConnection(to: URL, inside: boolean, most: number): HttpConnection {
  const body = createReceiveBuffer(2 * most);
  let awaited: PendingResponse | undefined;
  let closed = false;

  const settle = (): void => {
    awaited?.over();
    awaited = undefined;
  };
  const close = (error?: Error): void => {
    closed = true;
    awaited?.reject(error ?? new Error("it ended the connection without an answer"));
    body.end(error);
    settle();
    socket.destroy();
  };
  const onBody = (mine: PendingResponse, bytes: Uint8Array): void => {
    const taken = bytes.subarray(0, mine.left);
    mine.left! -= taken.length;
    if (body.append(taken) >= most) socket.pause();
    if (mine.left! > 0) return;
    // What a server sends beyond its own length is nobody's, nor the beginning of its next answer.
    if (!mine.kept || taken.length < bytes.length) return close();
    body.end();
    settle();
  };
  const onBytes = (bytes: Uint8Array): void => {
    if (!awaited) return close();
    const mine = awaited;
    if (mine.left !== undefined) return onBody(mine, bytes);
    const found = mine.read(bytes);
    if (!found) return;
    const { headers } = found.head;
    const length = headers.get("content-length");
    mine.left = Number(length ?? 0);
    mine.kept &&= length !== null && !/\bclose\b/i.test(headers.get("connection") ?? "");
    mine.resolve(answerOf(found.head, mine));
    onBody(mine, found.rest);
  };
  const answerOf = ({ status, headers }: ResponseHead, mine: PendingResponse): DialResponse => {
    const read = (): Promise<Uint8Array | undefined> => {
      const taken = body.take();
      socket.resume();
      return taken;
    };
    return { status, headers, read, close: () => mine === awaited && close() };
  };
  const socket = openSocket(to, inside, most, (bytes) => {
    try {
      onBytes(bytes);
    } catch (error) {
      close(error as Error);
    }
  });
  socket.on("error", close);
  socket.on("close", () => close());

  return {
    get free() {
      return !closed && !awaited;
    },
    get(url, headers, signal) {
      const head = requestHead(url, headers);
      const { promise, resolve, reject } = Promise.withResolvers<DialResponse>();
      const onAbort = (): void => close(signal.reason as Error);
      const over = (): void => signal.removeEventListener("abort", onAbort);
      awaited = { read: createHeadReader(), resolve, reject, left: undefined, kept: headers["connection"] !== "close", over };
      body.clear();
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      socket.resume().write(head);
      return promise;
    },
    close,
  };
}

function openSocket(url: URL, inside: boolean, most: number, onBytes: (bytes: Uint8Array) => void): Socket {
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const buffer = new Uint8Array(most);
  const callback = (count: number, into: Uint8Array): boolean => {
    onBytes(into.subarray(0, count));
    return true;
  };
  const options = {
    host,
    port: Number(url.port || (secure ? 443 : 80)),
    onread: { buffer, callback },
    ...(!inside && { lookup: publicLookup }),
  };
  const name = isIP(host) ? {} : { servername: host };
  const socket = secure ? connectTls({ ...options, ...name, ALPNProtocols: ["http/1.1"] } as object) : connectPlain(options);
  // For a runtime that does not know `onread`; where it does, nothing comes here, but without it nothing would flow.
  return socket.on("data", onBytes);
}

function requestHead(url: URL, headers: Record<string, string>): string {
  const lines = Object.entries({ host: url.host, ...headers }).map(([name, value]) => `${name}: ${value}`);
  if (lines.some((line) => /[\r\n\0]/.test(line))) throw new Error("a header of the request has more than one line");
  return `${[`GET ${url.pathname}${url.search} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`;
}
