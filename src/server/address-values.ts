// Addresses, names and origins in settings. People copy them from the address bar of a browser, and from other programs' settings; what matches
// nothing would be taken in silence.
import ipaddr from "ipaddr.js";
import * as v from "valibot";
import { parseRange } from "../../models/network/ip-range.ts";
import { codedMessage } from "../support/coded-message.ts";
import { quote } from "../support/quote.ts";

const NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i;
/** A scheme, a host, a port and a path, each where it was written. */
const PARTS = /^(?:([a-z][a-z\d+.-]*):\/\/)?(\[[^\]]*\]|[^/:?#@\s]+)(?::(\d+|\*))?(\/.*)?$/i;

/** What a server listens on: an address of this machine, or a name of it. */
export const ListenHost = v.pipe(
  checkedText("host", isHost, (text) => {
    if (text === "*") return "Write 0.0.0.0 for every address of this machine.";
    const { host, port } = partsOf(text);
    if (host === undefined || !isHost(host)) return "Write an address of this machine, such as 127.0.0.1 or 0.0.0.0.";
    return `Write the address alone, ${host}${port === undefined ? "" : `, and the port as --port=${port} or INGLE_PORT=${port}`}.`;
  }),
  v.transform((name) => toAscii(name).toLowerCase()),
);

/** A name by which clients call a server, in lower case. */
export const HostName = v.pipe(
  checkedText("hosts", isHost, (text) => {
    const { host } = partsOf(text);
    if (text.includes("*")) return "A wildcard stands for no name. Write each name, such as chat.example.com.";
    return `Write ${host === undefined || !isHost(host) ? "a name alone, such as chat.example.com" : `the name alone, ${host}`}.`;
  }),
  v.transform((name) => toAscii(name).toLowerCase().replace(/\.$/, "")),
);

/** The origin of a web page as browsers send it, or `*` for any. Extensions and desktop programs have schemes of their own. */
export const WebOrigin = v.pipe(
  checkedText("origins", isOrigin, (text) => {
    const { scheme = "http", host, port } = partsOf(text);
    if (host === undefined || host.includes("*") || text === "null")
      return 'Write each origin, such as http://localhost:3000, or "*" for all.';
    if (port === "*") return `A wildcard stands for no port. Write each port, as in ${scheme}://${host}:3000.`;
    return `Write ${scheme}://${host}${port === undefined ? "" : `:${port}`}.`;
  }),
  v.transform((origin) => (origin === "*" ? origin : originOf(origin))),
);

/** An address of a proxy, or a range of them. */
export const AddressRange = checkedText(
  "trust_proxy",
  (text) => parseRange(text) !== undefined,
  () => "Write addresses or ranges of them, such as 127.0.0.1 or 10.0.0.0/8.",
);

function checkedText(name: string, isUsable: (text: string) => boolean, remedyFor: (text: string) => string) {
  return v.pipe(
    v.string(),
    v.minLength(1),
    v.check(isUsable, ({ input }) => codedMessage("invalid_value", `"${name}" is ${quote(input)}. ${remedyFor(input)}`)),
  );
}

function partsOf(text: string): { scheme?: string | undefined; host?: string | undefined; port?: string | undefined } {
  const [, scheme, host, port] = PARTS.exec(text) ?? [];
  return { scheme, host, port };
}

function isHost(text: string): boolean {
  return NAME.test(toAscii(text)) || ipaddr.isValid(text.replace(/^\[(.*)\]$/, "$1"));
}

/** Clients send names in other scripts as Punycode: https://url.spec.whatwg.org/#concept-domain-to-ascii */
function toAscii(host: string): string {
  const url = `http://${host}`;
  return /^[\p{L}\p{M}\p{N}._-]+$/u.test(host) && !NAME.test(host) && URL.canParse(url) ? new URL(url).hostname : host;
}

function isOrigin(text: string): boolean {
  if (text === "*") return true;
  const [, scheme, host, port, path = "/"] = PARTS.exec(text) ?? [];
  return scheme !== undefined && host !== undefined && isHost(host) && port !== "*" && path === "/";
}

/** A browser leaves out the port that the scheme has. */
function originOf(text: string): string {
  const { scheme, host } = partsOf(text);
  const { origin, port } = new URL(text);
  return origin === "null" ? `${scheme}://${host}${port && `:${port}`}`.toLowerCase() : origin;
}
