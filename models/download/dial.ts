// One GET over node:http or node:https, for answers of any kind; files come by `http-connection.ts`.
import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { publicLookup } from "./public-lookup.ts";

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

/**
 * One GET; follows no redirect. `inside`: the address may lie inside this machine or its network. Throws what the connection throws,
 * and `SourceError` `url_not_allowed` for a name that leads inside.
 */
export type Dial = (
  url: URL,
  options: { headers: Record<string, string>; inside: boolean; signal: AbortSignal },
) => Promise<DialResponse>;

export const dial: Dial = (url, { headers, inside, signal }) => {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // No pooled connection: its address may have been checked for a request that may go inside.
    const options = { agent: false, headers, signal, ...(!inside && { lookup: publicLookup }) };
    request(url, options, (response) => resolve(toDialResponse(response)))
      .on("error", reject)
      .end();
  });
};

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
