// Where a file comes from: addresses and tokens, redirects, and the words for what went wrong.
import { notAllowed, refuseUnsafe } from "../download/addresses.ts";
import type { DialResponse, Dial } from "../download/dial-response.ts";
import { dial } from "../download/dial.ts";
import type { Source } from "../manifest.ts";
import type { Parallel } from "../download/ranges.ts";
import { SourceError } from "./source-error.ts";

export { SourceError };

/** What a download may be told; nothing here reads the environment. */
export interface DownloadOptions {
  /** Base address of Hugging Face or of a mirror, which may be plain http. Default `https://huggingface.co`. */
  hf_endpoint?: string;
  /** Sent to the host of `hf_endpoint` and to no other. */
  hf_token?: string;
  /**
   * Permits plain http and addresses inside this machine or its network where the user typed them: for the address of a source and
   * redirects that stay on its host. What `hf_endpoint` names counts as typed without it.
   */
  allow_private?: boolean;
  /** No source is asked that needs the network. */
  offline?: boolean;
  /** In place of connections of our own, whose every address is checked; here only what the URL itself says is. For tests. */
  fetch?: (url: URL, init: RequestInit) => Promise<Response>;
  /** Commands that run pip, tried in order until one exists. */
  pip?: string[][];
  /** Milliseconds until a connection has to answer, while nothing has come from the source yet. Default 10,000. */
  connect_ms?: number;
  /** Milliseconds without a byte after which a connection is given up. Default 30,000. */
  stall_ms?: number;
  /** When further connections are opened for a file that comes slowly over one. */
  parallel?: Partial<Parallel>;
  /** Waits before another try. Default: a timer. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Bytes that may still be written to the disk of a folder. Default: what the system says. */
  free?: (folder: string) => Promise<number>;
}

/** One step of a download. */
export interface DownloadProgress {
  /** Where the bytes come from, in words. */
  source: string;
  /** Bytes of the file that are on disk. */
  bytes: number;
  /** Bytes of the whole file; absent while unknown. */
  total?: number;
  /** Bytes that an earlier download had left, on every step of a resumed one. */
  resumed_from?: number;
  /** Why the source before this one was given up, or why this one was asked for the whole file again. */
  problem?: string;
}

export type WebSource = Exclude<Source, { type: "pip" }>;

export const HUGGING_FACE = "https://huggingface.co";
const MOST_REDIRECTS = 5;
export const OFFLINE = "It needs the network, which --offline rules out. Start without --offline to fetch it.";

/** The source in words, for progress and messages. */
export function describe(source: Source): string {
  if (source.type === "huggingface") return `Hugging Face (${source.repo})`;
  if (source.type === "pip") return `Python package ${source.package} ${source.version}`;
  return new URL(source.url).host;
}

/** Throws `SourceError` for an address that is not http(s). */
export function address(source: WebSource, { hf_endpoint = HUGGING_FACE }: DownloadOptions): URL {
  if (source.type === "url") return httpUrl(source.url);
  const path = [...source.repo.split("/"), "resolve", source.revision, ...source.file.split("/")];
  return httpUrl(`${hf_endpoint.replace(/\/+$/, "")}/${path.map(encodeURIComponent).join("/")}`);
}

/** `ask` with the answer as a `Response`, for what is small. */
export async function fetchUrl(...asked: Parameters<typeof requestUrl>): Promise<Response> {
  const { status, headers, read, close } = await requestUrl(...asked);
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const chunk = await read();
    if (chunk) controller.enqueue(chunk.slice());
    else controller.close();
  };
  const empty = [204, 205, 304].includes(status);
  return new Response(empty ? null : new ReadableStream({ pull, cancel: close }), { status, headers });
}

/**
 * GET, with redirects followed by hand: at most five, each checked as the first address is, and the token only where it belongs.
 * Answers with any status but a redirect. Throws `SourceError`.
 */
export async function requestUrl(
  url: URL,
  headers: Record<string, string>,
  options: DownloadOptions,
  signal: AbortSignal,
  dialled: Dial = dial,
): Promise<DialResponse> {
  if (options.offline) throw new SourceError(OFFLINE);
  let typed = isTyped(url, options);
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    refuseUnsafe(url, { typed, redirected: hops > 0 });
    const all = { "user-agent": "ingle", ...headers, ...authorization(url, options) };
    const dials = options.fetch ? fetched(options.fetch) : dialled;
    const answer = await dials(url, { headers: all, inside: typed, signal }).catch((error) =>
      Promise.reject(unreachable(url, error)),
    );
    const location = answer.headers.get("location");
    if (answer.status < 300 || answer.status > 399 || location === null) return answer;
    answer.close();
    const next = redirected(url, location);
    // Nobody typed where another host leads, be it back to the first one.
    typed &&= next.hostname === url.hostname;
    url = next;
  }
  throw notAllowed(`It redirects more than ${MOST_REDIRECTS} times.`);
}

function fetched(fetch: NonNullable<DownloadOptions["fetch"]>): Dial {
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

/** What the status of an answer means for a download; undefined for 200, 206 and 416. */
export function refusal(
  { status, headers }: Pick<DialResponse, "status" | "headers">,
  source: WebSource,
  { hf_token }: DownloadOptions,
): SourceError | undefined {
  if (status === 200 || status === 206 || status === 416) return undefined;
  if (status === 401 || status === 403) return new SourceError(`It answered ${status}.${tokenHint(source, hf_token)}`);
  if (status === 404 || status === 410) return new SourceError(`It answered ${status}: the file is not there.`);
  const passing = status === 408 || status === 429 || status >= 500;
  return new SourceError(`It answered ${status}.`, passing ? { retry_ms: retryAfter(headers) } : {});
}

function httpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw notAllowed(`"${text}" is not an http address.`);
}

function redirected(from: URL, location: string): URL {
  const to = httpUrl(URL.canParse(location, from) ? new URL(location, from).href : location);
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw notAllowed(`It redirects from https to plain http (${to.host}), which is not followed.`);
  }
  return to;
}

function authorization(url: URL, { hf_endpoint = HUGGING_FACE, hf_token }: DownloadOptions): Record<string, string> {
  // The origin, not the host alone: a redirect must not carry the token to another port or to plain http.
  return hf_token && url.origin === new URL(hf_endpoint).origin ? { authorization: `Bearer ${hf_token}` } : {};
}

function tokenHint(source: WebSource, token: string | undefined): string {
  if (source.type !== "huggingface") return "";
  return token
    ? ` The token in HF_TOKEN may not read ${source.repo}; accept the model's terms on its page.`
    : ` Set HF_TOKEN to a token that may read ${source.repo}.`;
}

function unreachable(url: URL, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const { code, cause, message } = error as Error & { code?: string };
  const why = cause as { code?: string; message?: string } | undefined;
  // Deno has no code, but the whole way to the error in one message; its end says what happened.
  const reason = code ?? why?.code ?? (why?.message ?? message).split(": ").at(-1);
  return new SourceError(`${url.host} could not be reached (${reason}).`, { retry_ms: 0, cause: error });
}

/** Milliseconds, a minute at most: a server may ask for more than anybody would wait. */
function retryAfter(headers: Headers): number {
  const value = headers.get("retry-after") ?? "";
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Math.min(60_000, Math.max(0, ms || 0));
}
