// A bare connection for GETs of files, one after the other, whose bytes all come through the same memory.
// In place of node:http: `bench:download` with that, 1 GB on two cores, columns "of curl" and "MiB above idle": Node 0.32 and 124
// instead of 0.67 and 54, Deno 0.29 and 175 instead of 0.49 and 51.
import { addAbortListener } from "node:events";
import { connect as connectPlain, isIP, type LookupFunction, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { portOf, type Proxy } from "../network/proxies.ts";
import { connectThrough, headersThrough, pathThrough } from "../network/tunnel.ts";
import type { Dial, DialResponse, DialRoute } from "./dial.ts";
import { createHeadReader, type ResponseHead } from "./http-head.ts";
import { createReceiveBuffer } from "./receive-buffer.ts";

/** A body without `content-length` is not read. */
export const dialFile: Dial = async (url, { headers, signal, ...route }) =>
  (await openHttpConnection(url, route, 1 << 18, signal)).get(url, { connection: "close", ...headers }, signal);

/** `dialFile` for one range after the other: the connection to a host stays open for the next one, which saves its handshakes. */
export function createRangeDialer(): { dial: Dial; close(): void } {
  const connections = new Map<string, HttpConnection>();
  return {
    async dial(url, { headers, signal, ...route }) {
      // Not shared between the two kinds: a connection that may lead inside has passed no check of its address.
      const key = `${url.origin} ${route.lookup === undefined}`;
      let connection = connections.get(key);
      if (!connection?.free) connections.set(key, (connection = await openHttpConnection(url, route, 1 << 16, signal)));
      return connection.get(url, headers, signal);
    },
    close: () => connections.forEach((connection) => connection.close()),
  };
}

type HttpConnection = ReturnType<typeof createHttpConnection>;

/** A response that has not come to its end. */
interface PendingResponse {
  read(bytes: Uint8Array): { head: ResponseHead; rest: Uint8Array } | undefined;
  resolve(response: DialResponse): void;
  /** Does nothing once there is a head. */
  reject(error: Error): void;
  /** Bytes of the body that are to come; undefined before the head. */
  left: number | undefined;
  /** The connection stays open behind the response. */
  keep_alive: boolean;
  removeListener(): void;
}

/** `most`: bytes that one call of the system gives at most, and that may wait for their reader before the sender is held back. */
async function openHttpConnection(url: URL, { proxy, lookup }: DialRoute, most: number, signal: AbortSignal) {
  if (proxy === undefined) return createHttpConnection(most, undefined, (onBytes) => openSocket(url, lookup, most, onBytes));
  let onBytes: OnBytes = () => {};
  const socket = await connectThrough(
    proxy,
    url,
    signal,
    onreadOf(most, (bytes) => onBytes(bytes)),
  );
  return createHttpConnection(most, proxy, (take) => socket.on("data", (onBytes = take)));
}

function createHttpConnection(most: number, proxy: Proxy | undefined, openSocket: (onBytes: OnBytes) => Socket) {
  const body = createReceiveBuffer(2 * most);
  let pending: PendingResponse | undefined;
  let closed = false;

  const finish = (): void => {
    pending?.removeListener();
    pending = undefined;
  };
  const close = (error?: Error): void => {
    closed = true;
    pending?.reject(error ?? new Error("it ended the connection without an answer"));
    body.end(error);
    finish();
    socket.destroy();
  };
  const onBody = (response: PendingResponse, bytes: Uint8Array): void => {
    const taken = bytes.subarray(0, response.left);
    response.left! -= taken.length;
    if (body.append(taken) >= most) socket.pause();
    if (response.left! > 0) return;
    // Bytes beyond the announced length belong to no response, and must not become the beginning of the next one.
    if (!response.keep_alive || taken.length < bytes.length) return close();
    body.end();
    finish();
  };
  const onBytes = (bytes: Uint8Array): void => {
    if (!pending) return close();
    const response = pending;
    if (response.left !== undefined) return onBody(response, bytes);
    const found = response.read(bytes);
    if (!found) return;
    const { headers } = found.head;
    const length = headers.get("content-length");
    response.left = Number(length ?? 0);
    response.keep_alive &&= length !== null && !/\bclose\b/i.test(headers.get("connection") ?? "");
    response.resolve(toDialResponse(found.head, response));
    onBody(response, found.rest);
  };
  const toDialResponse = ({ status, headers }: ResponseHead, response: PendingResponse): DialResponse => {
    const read = (): Promise<Uint8Array | undefined> => {
      const taken = body.take();
      socket.resume();
      return taken;
    };
    return { status, headers, read, close: () => response === pending && close() };
  };
  const socket = openSocket((bytes) => {
    try {
      onBytes(bytes);
    } catch (error) {
      close(error as Error);
    }
  });
  socket.on("error", close);
  socket.on("close", () => close());

  return {
    /** The connection is open and its last response has come to its end. */
    get free(): boolean {
      return !closed && !pending;
    },
    /** One GET of the connected host; a body without `content-length` is not read. Throws what the connection throws. */
    get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<DialResponse> {
      // The client closes: on Deno bytes that wait in a tunnel of TLS in TLS are lost where the other end does.
      const sent = proxy ? { ...headersThrough(proxy, url), ...headers, connection: "keep-alive" } : headers;
      const head = requestHead(url, sent, proxy);
      const { promise, resolve, reject } = Promise.withResolvers<DialResponse>();
      const keep_alive = headers["connection"] !== "close";
      body.clear();
      // Where the signal is aborted already, this fires in a microtask, when there is a pending response to reject.
      const listener = addAbortListener(signal, () => close(signal.reason as Error));
      const removeListener = (): void => listener[Symbol.dispose]();
      pending = { read: createHeadReader(), resolve, reject, left: undefined, keep_alive, removeListener };
      socket.resume().write(head);
      return promise;
    },
    close,
  };
}

function openSocket(url: URL, lookup: LookupFunction | undefined, most: number, onBytes: OnBytes): Socket {
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const options = {
    host,
    port: portOf(url),
    onread: onreadOf(most, onBytes),
    ...(lookup && { lookup }),
  };
  const name = isIP(host) ? {} : { servername: host };
  const socket = secure ? connectTls({ ...options, ...name, ALPNProtocols: ["http/1.1"] } as object) : connectPlain(options);
  // For a runtime that ignores `onread`; where it is known, no "data" comes, but without a listener nothing would flow.
  return socket.on("data", onBytes);
}

type OnBytes = (bytes: Uint8Array) => void;

/** All bytes come through the same memory. */
function onreadOf(most: number, onBytes: OnBytes): OnReadOpts {
  const callback = (count: number, into: Uint8Array): boolean => {
    onBytes(into.subarray(0, count));
    return true;
  };
  return { buffer: new Uint8Array(most), callback };
}

function requestHead(url: URL, headers: Record<string, string>, proxy: Proxy | undefined): string {
  const lines = Object.entries({ host: url.host, ...headers }).map(([name, value]) => `${name}: ${value}`);
  if (lines.some((line) => /[\r\n\0]/.test(line))) throw new Error("a header of the request has more than one line");
  return `${[`GET ${pathThrough(proxy, url)} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`;
}
