// The proxies that the environment names, read as curl and others read it.
import { isThisMachine, matchesNoProxy, splitNoProxy } from "./no-proxy.ts";
import { ProxyError } from "./proxy-error.ts";

export interface Proxy {
  /** The proxy itself is asked over TLS. */
  secure: boolean;
  host: string;
  port: number;
  /** The value of `Proxy-Authorization`, a secret. */
  authorization?: string;
  /** Its address without user and password, and the variable that names it. */
  label: string;
}

/** By the scheme of what is asked. Plain data, as threads get it. `problem`: why what the environment names cannot be used, as a sentence. */
export interface Proxies {
  "http:"?: Proxy | { problem: string };
  "https:"?: Proxy | { problem: string };
  /** Entries of NO_PROXY. */
  none: string[];
}

const VARIABLES = { "http:": ["http_proxy", "HTTP_PROXY"], "https:": ["https_proxy", "HTTPS_PROXY"] } as const;
const FOR_ALL = ["all_proxy", "ALL_PROXY"];

/** Undefined where the environment names none. */
export function readProxies(env: Record<string, string | undefined>): Proxies | undefined {
  const proxies: Proxies = { none: splitNoProxy(env.no_proxy?.trim() || env.NO_PROXY || "") };
  for (const scheme of ["http:", "https:"] as const) {
    const variable = [...VARIABLES[scheme], ...FOR_ALL].find((name) => env[name]?.trim());
    if (variable !== undefined) proxies[scheme] = parseProxy(env[variable]!.trim(), variable);
  }
  return proxies["http:"] || proxies["https:"] ? proxies : undefined;
}

/** The proxy on the way to an address; undefined where it is dialled directly. Throws `ProxyError` where what is set cannot be used. */
export function proxyFor(url: URL, proxies: Proxies | undefined): Proxy | undefined {
  const proxy = proxies?.[url.protocol as "http:" | "https:"];
  if (proxies === undefined || proxy === undefined) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.+$/, "");
  if (isThisMachine(host) || proxies.none.some((entry) => matchesNoProxy(entry, host, portOf(url)))) return undefined;
  if ("problem" in proxy) throw new ProxyError(proxy.problem, { lasting: true });
  return proxy;
}

/** The proxy on the way to an address, for sentences; undefined where there is none that can be used. */
export function labelOnRoute(url: URL, proxies: Proxies | undefined): string | undefined {
  try {
    return proxyFor(url, proxies)?.label;
  } catch {
    return undefined;
  }
}

export function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === "https:" ? 443 : 80));
}

/** The first sentence that says why a proxy cannot be used. */
export function proxyProblem(proxies: Proxies | undefined): string | undefined {
  return [proxies?.["https:"], proxies?.["http:"]].flatMap((proxy) => (proxy && "problem" in proxy ? proxy.problem : []))[0];
}

/** The value may hold a password, so that no sentence quotes it. */
function parseProxy(text: string, variable: string): Proxy | { problem: string } {
  const address = text.includes("://") ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol.startsWith("socks")) {
    return {
      problem: `${variable} names a SOCKS proxy, which ingle does not use. Set HTTPS_PROXY and HTTP_PROXY to http://HOST:PORT of an HTTP proxy, or unset ${variable}.`,
    };
  }
  if (url?.hostname === "" || (url?.protocol !== "http:" && url?.protocol !== "https:")) {
    return {
      problem: `${variable} is no address of a proxy. Write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with signs such as @, / and # percent-encoded.`,
    };
  }
  const { username, password } = url;
  const credentials = `${decode(username)}:${decode(password)}`;
  return {
    secure: url.protocol === "https:",
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: portOf(url),
    ...((username || password) && { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` }),
    label: `${url.protocol}//${url.hostname}:${portOf(url)} (${variable})`,
  };
}

/** A percent sign that encodes nothing stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
