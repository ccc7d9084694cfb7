// One GET over node:http or node:https, for answers of any kind; files come by `http-connection.ts`.
import { type ClientRequest, request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { httpAgent, httpsAgent } from "../network/direct-agents.ts";
import type { Proxy } from "../network/proxies.ts";
import { connectThrough, requestThrough } from "../network/tunnel.ts";

/** The response to a GET. A reader that does not come to its end closes it. */
export interface DialResponse {
  status: number;
  headers: Headers;
  /** The next bytes, as many as have come; undefined at the end. The next call overwrites them. */
  read(): Promise<Uint8Array | undefined>;
  close(): void;
}

/** A response, and where it came from behind all redirects. */
export interface LocatedResponse extends DialResponse {
  url: URL;
}

/** How an address is dialled: through the proxy, or directly, where `lookup` judges what its name leads to. */
export interface DialRoute {
  proxy?: Proxy | undefined;
  /** Absent: the address may lie inside this machine or its network. */
  lookup?: LookupFunction | undefined;
}

/**
 * One GET; follows no redirect. Throws what the connection throws, `ProxyError`, and `SourceError` `url_not_allowed` for a name that
 * leads inside.
 */
export type Dial = (
  url: URL,
  options: DialRoute & { headers: Record<string, string>; signal: AbortSignal },
) => Promise<DialResponse>;

export const dial: Dial = async (url, { headers, proxy, lookup, signal }) => {
  const secure = url.protocol === "https:";
  if (proxy === undefined) {
    // No pooled connection: its address may have been checked for a request that may go inside.
    const options = { agent: secure ? httpsAgent : httpAgent, headers, signal, ...(lookup && { lookup }) };
    return send((answered) => (secure ? requestHttps : requestHttp)(url, options, answered));
  }
  const socket = await connectThrough(proxy, url, signal);
  return send((answered) => requestThrough(proxy, url, socket, { headers, signal }).on("response", answered));
};

function send(request: (answered: (response: IncomingMessage) => void) => ClientRequest): Promise<DialResponse> {
  return new Promise((resolve, reject) => {
    request((response) => resolve(toDialResponse(response)))
      .on("error", reject)
      .end();
  });
}

function toDialResponse(response: IncomingMessage): DialResponse {
  const chunks: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]();
  return {
    status: response.statusCode ?? 0,
    headers: headersOf(response),
    read: async () => (await chunks.next()).value,
    close: () => void response.destroy(),
  };
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  return headers;
}
