// What the runtimes themselves do otherwise, before a request reaches ingle. docs/runtimes.md is made from it.
import type { RuntimeName } from "../../../src/launch/runtimes.mjs";

export interface Difference {
  /** What differs, as a heading. */
  title: string;
  /** What follows from it, and whether the specification permits it. */
  text: string;
  /** Where the runtime's own people speak of it, as far as that was found. */
  links: string[];
}

const BUN = "https://github.com/oven-sh/bun";

export const DIFFERENCES = {
  pipelining: {
    title: "Requests behind one that is still being answered",
    text: "Bun closes the connection, and the answer under way is lost, although its request may have been carried out. Clients that wait for an answer before they ask again, as SDKs and browsers do, never see it.",
    links: [`${BUN}/pull/38128`],
  },
  trailers: {
    title: "Trailers behind a chunked body",
    text: "Bun refuses them, the body with them, and all that comes behind. RFC 9112 §7.1.2 lets a server pass over them.",
    links: [`${BUN}/pull/32887`],
  },
  methods: {
    title: "Methods that the runtime does not know",
    text: "Bun closes without an answer; Node and Deno answer 400. Methods that it knows and ingle has no use for are 405 everywhere.",
    links: [`${BUN}/issues/6556`],
  },
  request_line: {
    title: "Request lines that are none",
    text: "The same refusal with another status: Bun takes what follows the target for a version that it does not speak.",
    links: [`${BUN}/issues/19326`],
  },
  spaces: {
    title: "Several spaces within the request line",
    text: "RFC 9112 §3 permits both.",
    links: [],
  },
  empty_lines: {
    title: "Empty lines between requests",
    text: "RFC 9112 §2.2 would have them passed over, as some old clients end a body with one.",
    links: [`${BUN}/pull/33634`],
  },
  raw_utf8: {
    title: "A target with bytes beyond ASCII",
    text: "No target may have them (RFC 3986 §2): percent-encode UTF-8, as every URL class does. Bun reads them as UTF-8.",
    links: ["https://github.com/nodejs/llhttp/issues/259"],
  },
  header_count: {
    title: "Many headers",
    text: "A head may have 16 KB everywhere. Within them Bun takes 198 headers, Node 1,000, Deno any number.",
    links: [`${BUN}/issues/6982`, "https://github.com/nodejs/node/issues/65470"],
  },
  same_length: {
    title: "The same `Content-Length` twice",
    text: "RFC 9110 §8.6 permits both, as there is no doubt where the body ends. Two lengths that differ are refused everywhere.",
    links: [`${BUN}/pull/28838`],
  },
  chunk_extensions: {
    title: "A long chunk extension",
    text: "Deno passes over them without a limit of their own, and keeps nothing of them. The time for a body bounds them.",
    links: [],
  },
  expectations: {
    title: "`Expect: 100-continue` in other letters",
    text: "Bun sends no `100`. Clients that wait for one send the body after a second or so.",
    links: [`${BUN}/issues/30248`],
  },
  old_expectations: {
    title: "`Expect: 100-continue` of HTTP/1.0",
    text: "That version knows no `100`, and Bun sends one.",
    links: [`${BUN}/pull/33875`],
  },
  old_keep_alive: {
    title: "`Connection: keep-alive` of HTTP/1.0",
    text: "Bun closes after each answer, which that version lets a server do.",
    links: [`${BUN}/pull/32945`],
  },
  upgrades: {
    title: "Requests with `Upgrade`",
    text: "No protocol is taken up anywhere, and the request is answered as without it. Node and Deno lose what comes in one packet with such a request, so that ingle closes the connection behind the answer there.",
    links: [],
  },
  coding_lists: {
    title: "`Transfer-Encoding: chunked` with what means nothing",
    text: "RFC 9110 §5.6.1 would have empty members of a list passed over, and spaces and tabs around them. The stricter reading is the safer one.",
    links: [],
  },
  del: {
    title: "The character DEL in a header",
    text: "RFC 9110 §5.5 has no place for it. What ingle logs or answers of a header is escaped.",
    links: [`${BUN}/pull/33633`],
  },
  proxy_connection: {
    title: "`Proxy-Connection: close`",
    text: "Node and Deno take it for `Connection`. It is no header of any specification.",
    links: ["https://github.com/nodejs/node/issues/57722"],
  },
} satisfies Record<string, Difference>;

export type DifferenceName = keyof typeof DIFFERENCES;

/** What some runtimes do otherwise in a case, in the words of its expectation. */
export interface Exceptions {
  difference: DifferenceName;
  outcomes: Partial<Record<RuntimeName, string>>;
}

export function except(difference: DifferenceName, outcomes: Exceptions["outcomes"]): { except: Exceptions } {
  return { except: { difference, outcomes } };
}
