// Check 2: the origin. A browser lets a page of any origin send requests, and read the answers where a CORS header allows it.
import type { Context } from "hono";
import type { Guard } from "../app-env.ts";
import { ApiError } from "../errors.ts";
import { isForwardedHttps } from "../client-address.ts";
import { isNavigation, isOpenPage } from "../open-pages.ts";
import { isLoopbackHost } from "./host.ts";
import { quote } from "../../support/quote.ts";
import type { TrustedProxies } from "../../support/trusted-proxies.ts";

const STAINLESS = [
  ...["arch", "custom-poll-interval", "helper-method", "lang", "os", "package-version", "poll-helper"],
  ...["retry-count", "runtime", "runtime-version", "timeout"],
];
/** The headers that the OpenAI SDKs and the API need, for a preflight that asks for none. */
const USUAL_HEADERS = [
  ...["authorization", "content-type", "x-api-key", "openai-beta", "openai-organization", "openai-project", "idempotency-key"],
  "api-key",
  ...STAINLESS.map((name) => `x-stainless-${name}`),
].join(", ");

const LONGEST_HEADER_LIST = 4096;
/** RFC 9110 §5.6.2. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";

/**
 * Lets through requests of the server's own origin, of one of `origins` (`*`: of any but `null`), those that no web page sent, and
 * those by which a person comes to an open page from another site.
 * A listed origin may read the answer; its preflights are answered here. Throws 403 `origin_not_allowed`.
 */
export function originGuard(origins: string[], trusted_proxies?: TrustedProxies): Guard {
  const listed = new Set(origins);
  const isListed = (origin: string) => origin !== "null" && (listed.has(origin) || listed.has("*"));
  return function originGuard(c) {
    const origin = c.req.header("origin");
    if (origin === undefined) {
      if (isCrossSite(c) && !(isNavigation(c) && isOpenPage(c)))
        throw refuseOrigin("The request comes from a page of another site.");
      return undefined;
    }
    // The very Host that check 1 has accepted, over plain http: behind a proxy with TLS that is not trusted, the origin is to be listed.
    const scheme = isForwardedHttps(c, trusted_proxies) ? "https" : "http";
    if (origin === `${scheme}://${c.req.header("host")?.toLowerCase()}`) return undefined;
    if (!isListed(origin)) throw refuseOrigin(`The origin ${quote(origin)} is not allowed.`);
    if (isPreflight(c)) return answerPreflight(origin, c.req.header("access-control-request-headers"));
    c.set("reading_origin", origin);
    return undefined;
  };
}

/**
 * For a GET that acts, and its HEAD: an `<img>` of any page can send one. Refuses every `Sec-Fetch-Site` but `same-origin`, listed
 * origins too; `none`, an address typed by hand, passes where a key was checked (`keyed`). Browsers send that header to https and to
 * loopback alone, so that without a key a request that lacks it passes by a loopback name alone. Throws 403 `origin_not_allowed`.
 */
export function checkActingGet(c: Context, keyed: boolean): void {
  const site = c.req.header("sec-fetch-site") ?? (isLoopbackHost(c) ? "same-origin" : "none");
  if (site !== "same-origin" && !(site === "none" && keyed))
    throw refuseOrigin("This GET changes something, so a browser may not send it from here. Use POST.");
}

function isCrossSite(c: Context): boolean {
  const site = c.req.header("sec-fetch-site");
  return site === "cross-site" || site === "same-site";
}

function isPreflight(c: Context): boolean {
  return c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
}

/** SDKs and what traces requests add headers of their own, which say nothing that a listed origin may not say. */
function answerPreflight(origin: string, asked = ""): Response {
  const isList = asked.length <= LONGEST_HEADER_LIST && asked.split(",").every((name) => HEADER_NAME.test(name.trim()));
  const headers = new Headers({
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": isList ? asked : USUAL_HEADERS,
    vary: "Access-Control-Request-Headers",
    "access-control-max-age": "600",
  });
  allowOrigin(origin, headers);
  return new Response(null, { status: 204, headers });
}

/** Lets the page of a listed origin read the answer. */
export function allowReading(origin: string, headers: Headers): void {
  allowOrigin(origin, headers);
  headers.set("access-control-expose-headers", "retry-after, x-ingle-ignored, x-request-id, x-should-retry");
}

function allowOrigin(origin: string, headers: Headers): void {
  headers.set("access-control-allow-origin", origin);
  headers.append("vary", "Origin");
}

function refuseOrigin(what: string): ApiError {
  return new ApiError(403, `${what} Start the server with --origins to allow an origin.`, { code: "origin_not_allowed" });
}
