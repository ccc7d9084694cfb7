// Check 2. A web page of another origin may send requests here and, if told so, read the answers.
import { ApiError } from "../errors.ts";
import { quote } from "../../support/quote.ts";
import type { Asked, Check } from "./check.ts";

/** What the OpenAI SDK and our own API need; a fixed list, so a request's own one is never parsed. */
const HEADERS = [
  "authorization",
  "content-type",
  "x-api-key",
  "openai-beta",
  "openai-organization",
  "openai-project",
  "idempotency-key",
  ...["arch", "custom-poll-interval", "helper-method", "lang", "os", "package-version", "poll-helper"].map(
    (x) => `x-stainless-${x}`,
  ),
  ...["retry-count", "runtime", "runtime-version", "timeout"].map((x) => `x-stainless-${x}`),
].join(", ");

const METHODS = "GET, HEAD, POST, PATCH, DELETE";

/**
 * Lets through requests of the server's own origin, of one of `origins` (`*`: of any but `null`), and those that no web page sent.
 * A listed origin may read the answer; its preflights are answered here. Throws 403 `origin_not_allowed`.
 */
export function origin(origins: string[]): Check {
  const listed = new Set(origins);
  const allowed = (given: string) => given !== "null" && (listed.has(given) || listed.has("*"));
  return (c, marks) => {
    const given = c.req.header("origin");
    if (given === undefined) {
      if (fromElsewhere(c)) throw refused("The request comes from a page of another site.");
      return;
    }
    if (isOwn(c, given)) return;
    if (!allowed(given)) throw refused(`The origin ${quote(given)} is not allowed.`);
    if (isPreflight(c)) return preflight(given);
    marks.reader = given;
  };
}

/**
 * For a GET that acts: an `<img>` of any page can send one. Refuses every `Sec-Fetch-Site` but `same-origin`, listed origins
 * too; `none`, an address typed by hand, passes where a key was checked (`keyed`). Throws 403 `origin_not_allowed`.
 */
export function sameOrigin(keyed: boolean): Check {
  return (c) => {
    const site = c.req.header("sec-fetch-site");
    const passes = site === undefined || site === "same-origin" || (site === "none" && keyed);
    if (c.req.method === "GET" && !passes)
      throw refused("This GET changes something, so a browser may not send it from here. Use POST.");
  };
}

/** Plain http and the very Host that check 1 has accepted: behind a proxy with TLS the origin is to be listed. */
function isOwn(c: Asked, given: string): boolean {
  return given === `http://${c.req.header("host")?.toLowerCase()}`;
}

function fromElsewhere(c: Asked): boolean {
  const site = c.req.header("sec-fetch-site");
  return site === "cross-site" || site === "same-site";
}

function isPreflight(c: Asked): boolean {
  return c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
}

function preflight(given: string): Response {
  const headers = new Headers({
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": HEADERS,
    "access-control-max-age": "600",
  });
  allow(given, headers);
  return new Response(null, { status: 204, headers });
}

/** Lets the page of a listed origin read the answer; does nothing for all others. */
export function letRead(reader: string | undefined, headers: Headers): void {
  if (reader === undefined) return;
  allow(reader, headers);
  headers.set("access-control-expose-headers", "retry-after, x-request-id");
}

function allow(given: string, headers: Headers): void {
  headers.set("access-control-allow-origin", given);
  headers.append("vary", "Origin");
}

function refused(what: string): ApiError {
  return new ApiError(403, `${what} Start the server with --origins to allow an origin.`, { code: "origin_not_allowed" });
}
