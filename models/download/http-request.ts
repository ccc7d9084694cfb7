// One GET over http(s): the token where it belongs, checked redirects, and what a failure is called.
import { type Proxies, proxyFor } from "../network/proxies.ts";
import { ProxyError } from "../network/proxy-error.ts";
import { denialOf } from "../network/tunnel.ts";
import { isPermitted, refuseUnsafeAddress } from "./addresses.ts";
import { createPublicLookup } from "./public-lookup.ts";
import { type Dial, dial, type DialResponse, type LocatedResponse } from "./dial.ts";
import { retryAfter } from "./retry-after.ts";
import { parseHttpUrl } from "../sources/http-url.ts";
import { type DownloadOptions, HUGGING_FACE } from "../sources/source.ts";
import { publicReasonOf } from "./failure-words.ts";
import { silenceError, throwBroken, withTimeout } from "./idle-timeout.ts";
import { notAllowedError, OFFLINE, SourceError } from "../download-errors.ts";

const MOST_REDIRECTS = 5;

/**
 * One GET. Redirects are followed here, at most five, each checked as the first address is; the token is sent to its host alone.
 * The response has any status but a redirect. Throws `SourceError`.
 */
export async function requestUrl(
  url: URL,
  headers: Record<string, string>,
  options: DownloadOptions,
  signal: AbortSignal,
  dialer: Dial = dial,
): Promise<LocatedResponse> {
  if (options.offline) throw new SourceError(OFFLINE);
  const { download_hosts = [], proxies } = options;
  let typed = isTyped(url, options);
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const inside = typed || isPermitted(url, download_hosts);
    refuseUnsafeAddress(url, { inside, redirected: hops > 0 });
    const sent = { "user-agent": "ingle", ...headers, ...authorization(url, options) };
    const send = options.fetch ? fetchDialer(options.fetch) : dialer;
    const lookup = inside ? undefined : createPublicLookup(download_hosts);
    const response = await dialOnRoute(url, { headers: sent, lookup, signal }, proxies, send).catch((error) =>
      Promise.reject(unreachableError(url, error)),
    );
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) return { ...response, url };
    response.close();
    const next = redirectTarget(url, location);
    // An address behind another host was not typed by anybody, even where it leads back to the first host.
    typed &&= next.hostname === url.hostname;
    url = next;
  }
  throw notAllowedError(`It redirects more than ${MOST_REDIRECTS} times.`);
}

/** Dials through the proxy where one is on the way: then its name is the proxy's to resolve. Throws `ProxyError`, and what `send` throws. */
async function dialOnRoute(
  url: URL,
  options: Parameters<Dial>[1],
  proxies: Proxies | undefined,
  send: Dial,
): Promise<DialResponse> {
  const proxy = proxyFor(url, proxies);
  const response = await send(url, { ...options, proxy });
  const denial = proxy && denialOf(proxy, response.status, response.headers.get("proxy-authenticate"));
  if (denial === undefined) return response;
  response.close();
  throw denial;
}

/**
 * `requestUrl` for what a few reads bring, within the time limits of a download: the first byte within `connect_ms`, each further one within
 * `stall_ms`. The caller closes the response.
 */
export async function requestInTime(
  url: URL,
  headers: Record<string, string>,
  options: DownloadOptions,
  signal: AbortSignal,
): Promise<LocatedResponse> {
  const { connect_ms = 10_000, stall_ms = 30_000 } = options;
  const stop = new AbortController();
  const request = requestUrl(url, headers, options, AbortSignal.any([signal, stop.signal]));
  try {
    const response = await withTimeout(connect_ms, request, () => silenceError(url, connect_ms, 0, options.proxies));
    const read = () => withTimeout(stall_ms, response.read().catch(throwBroken), () => silenceError(url, stall_ms, 0));
    return { ...response, read };
  } catch (error) {
    stop.abort();
    throw error;
  }
}

function fetchDialer(fetch: NonNullable<DownloadOptions["fetch"]>): Dial {
  return async (url, { headers, signal }) => {
    const response = await fetch(url, { headers, redirect: "manual", signal });
    const body = response.body?.getReader();
    const read = async (): Promise<Uint8Array | undefined> => (await body?.read())?.value;
    const close = (): void => void body?.cancel().catch(() => {});
    return { status: response.status, headers: response.headers, read, close };
  };
}

function isTyped(url: URL, { allow_private = false, hf_endpoint }: DownloadOptions): boolean {
  return allow_private || (hf_endpoint !== undefined && url.origin === new URL(hf_endpoint).origin);
}

/** Why a status refuses the file; undefined for 200, 206 and 416. `denial_hint`: what to do about 401 and 403, as a sentence. */
export function refusalOf({ status, headers }: DialResponse, denial_hint?: string): SourceError | undefined {
  if (status === 200 || status === 206 || status === 416) return undefined;
  if (status === 401 || status === 403) {
    return new SourceError([`It answered ${status}.`, denial_hint].filter(Boolean).join(" "));
  }
  if (status === 404 || status === 410) return new SourceError(`It answered ${status}: the file is not there.`);
  const passing = status === 408 || status === 429 || status >= 500;
  return new SourceError(`It answered ${status}.`, passing ? { retry_ms: retryAfter(headers) } : {});
}

function redirectTarget(from: URL, location: string): URL {
  const to = parseHttpUrl(URL.canParse(location, from) ? new URL(location, from).href : location);
  if (from.protocol === "https:" && to.protocol === "http:") {
    const what = "It redirects from https to plain http";
    throw notAllowedError(`${what} (${to.host}), which is not followed.`, `${what}, which is not followed.`);
  }
  return to;
}

function authorization(url: URL, { hf_endpoint = HUGGING_FACE, hf_token }: DownloadOptions): Record<string, string> {
  // The origin, not the host alone: a redirect must not carry the token to another port or to plain http.
  return hf_token && url.origin === new URL(hf_endpoint).origin ? { authorization: `Bearer ${hf_token}` } : {};
}

function unreachableError(url: URL, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  if (error instanceof ProxyError) {
    const { message, public_message, retry_ms } = error;
    return new SourceError(message, { public_message, retry_ms, cause: error });
  }
  const { code, cause, message } = error as Error & { code?: string };
  const why = cause as { code?: string; message?: string } | undefined;
  // Deno gives no code, but a chain of messages in one text; its end says what happened.
  const reason = code ?? why?.code ?? (why?.message ?? message).split(": ").at(-1);
  // The host may be a mirror that this server is set to, or one that a redirect of it leads to.
  const public_message = `It could not be reached (${publicReasonOf(error)}).`;
  return new SourceError(`${url.host} could not be reached (${reason}).`, { public_message, retry_ms: 0, cause: error });
}
