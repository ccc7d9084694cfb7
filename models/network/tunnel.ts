// A connection through a proxy: for https a tunnel (CONNECT, RFC 9110 §9.3.6) with TLS to the host inside it, for plain http the connection
// to the proxy, which is then asked for the whole address.
import { addAbortListener } from "node:events";
import { type ClientRequest, request, type RequestOptions } from "node:http";
import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { createHeadReader, type ResponseHead } from "../download/http-head.ts";
import { retryAfter } from "../download/retry-after.ts";
import { portOf, type Proxy } from "./proxies.ts";
import { proxyFailure, ProxyError } from "./proxy-error.ts";

/**
 * Throws `ProxyError` for what the proxy does wrong, what TLS to the host throws, and the signal's reason. `onread`: takes the bytes where
 * they come without TLS.
 */
export async function connectThrough(proxy: Proxy, url: URL, signal: AbortSignal, onread?: OnReadOpts): Promise<Socket> {
  signal.throwIfAborted();
  let [current, tunnel]: (Socket | undefined)[] = [];
  const stop = addAbortListener(signal, () => current?.destroy(signal.reason as Error));
  try {
    current = proxy.secure
      ? secured({ host: proxy.host, port: proxy.port }, proxy.host)
      : connectPlain({ host: proxy.host, port: proxy.port, ...(onread && url.protocol === "http:" && { onread }) });
    await opened(current, proxy.secure).catch((cause: NodeJS.ErrnoException) => {
      throw proxyFailure(proxy.label, `cannot be reached (${cause.code ?? cause.message})`, { cause });
    });
    if (url.protocol === "http:") return current;
    await askForTunnel(current, proxy, url);
    tunnel = current;
    current = secured({ socket: tunnel }, url.hostname.replace(/^\[|\]$/g, ""));
    await opened(current, true);
    return current;
  } catch (error) {
    // What ends TLS does not end the connection below it on every runtime.
    for (const socket of [current, tunnel]) socket?.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    stop[Symbol.dispose]();
  }
}

/** As `request` of `node:http`, over a connection of `connectThrough`, which closes with the response. */
export function requestThrough(proxy: Proxy, url: URL, socket: Socket, options: RequestOptions): ClientRequest {
  const sent = request({
    ...options,
    host: url.hostname,
    path: pathThrough(proxy, url),
    // The client closes: on Deno bytes that wait in a tunnel of TLS in TLS are lost where the other end does.
    headers: { host: url.host, ...headersThrough(proxy, url), ...options.headers, connection: "keep-alive" },
    createConnection: () => socket,
  });
  const close = (): void => void socket.destroy();
  return sent.once("response", (response) => response.once("end", close).once("close", close));
}

/** What stands for the path in the request, with a proxy on the way or without. */
export function pathThrough(proxy: Proxy | undefined, { protocol, origin, pathname, search }: URL): string {
  return `${proxy && protocol === "http:" ? origin : ""}${pathname}${search}`;
}

/** Inside a tunnel the host would read them. */
export function headersThrough(proxy: Proxy | undefined, { protocol }: URL): Record<string, string> {
  return proxy?.authorization && protocol === "http:" ? { "proxy-authorization": proxy.authorization } : {};
}

/** A proxy that wants other credentials; `undefined` for every other status. `challenges`: its `Proxy-Authenticate`. */
export function denialOf({ label, authorization }: Proxy, status: number, challenges?: string | null): ProxyError | undefined {
  if (status !== 407) return undefined;
  const [scheme] = /^[A-Za-z0-9-]+/.exec(challenges ?? "") ?? [];
  const remedy =
    scheme !== undefined && !/\bbasic\b/i.test(challenges!)
      ? `It asks for ${scheme}, and ingle says a user and password by Basic alone. A local proxy such as cntlm can do that.`
      : authorization === undefined
        ? "Write a user and password into its address: http://USER:PASSWORD@HOST:PORT."
        : "Look at the user and password in its address: signs such as @, / and # are percent-encoded there.";
  return proxyFailure(label, "does not let this server in (407)", { lasting: true, remedy });
}

async function askForTunnel(socket: Socket, proxy: Proxy, url: URL): Promise<void> {
  const target = `${url.hostname}:${portOf(url)}`;
  const authorization = proxy.authorization ? [`proxy-authorization: ${proxy.authorization}`] : [];
  socket.write([`CONNECT ${target} HTTP/1.1`, `host: ${target}`, ...authorization, "", ""].join("\r\n"));
  const { status, headers } = await readHead(socket).catch((cause: NodeJS.ErrnoException) => {
    throw proxyFailure(proxy.label, `gave no tunnel to ${target} (${cause.code ?? cause.message})`, { cause });
  });
  if (status >= 200 && status <= 299) return;
  const lasting = status < 500 && status !== 408 && status !== 429;
  const denial = denialOf(proxy, status, headers.get("proxy-authenticate"));
  throw denial ?? proxyFailure(proxy.label, `answered ${status} for ${target}`, { lasting, retry_ms: retryAfter(headers) });
}

/** Throws where the answer is none, and where more than its head comes: the host speaks only when it is spoken to. */
function readHead(socket: Socket): Promise<ResponseHead> {
  const { promise, resolve, reject } = Promise.withResolvers<ResponseHead>();
  const read = createHeadReader();
  const onData = (bytes: Uint8Array): void => {
    try {
      const found = read(bytes);
      if (found === undefined) return;
      const refused = found.head.status > 299;
      if (found.rest.length > 0 && !refused) throw new Error("its answer has bytes behind its end");
      resolve(found.head);
    } catch (error) {
      reject(error as Error);
    }
  };
  const onEnd = (): void => reject(new Error("it ended the connection without an answer"));
  socket.on("data", onData).on("error", reject).on("close", onEnd).on("end", onEnd);
  return promise.finally(() => {
    socket.pause().off("data", onData).off("error", reject).off("close", onEnd).off("end", onEnd);
  });
}

function secured(to: { socket: Socket } | { host: string; port: number }, host: string): Socket {
  const name = isIP(host) ? { host } : { host, servername: host };
  return connectTls({ ...name, ...to, ALPNProtocols: ["http/1.1"] } as object);
}

function opened(socket: Socket, secure: boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onEnd = (): void => reject(new Error("it ended the connection"));
  socket
    .once(secure ? "secureConnect" : "connect", resolve)
    .on("error", reject)
    .on("close", onEnd);
  return promise.finally(
    () =>
      void socket
        .off("close", onEnd)
        .off("error", reject)
        .on("error", () => {}),
  );
}
