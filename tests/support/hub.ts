// A local server that plays the hub, with a switch for everything that can go wrong on the way from it.
import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to the requests of one path. Without `times` it happens to all of them; `after` spares the first ones. */
export type Fault = { times?: number; after?: number } & Kind;

type Kind =
  /** Breaks the connection after so many bytes of the answer's body. */
  | { kind: "cut"; at: number }
  /** Says a length that is so many bytes off, and sends what it has. */
  | { kind: "wrong_length"; by: number }
  /** One bit of the byte at `at`, counted in the file, is another. */
  | { kind: "flip"; at: number }
  /** Answers 200 with the whole file whatever was asked for. */
  | { kind: "no_range" }
  /** Names no version, and continues a download whatever `If-Range` says. */
  | { kind: "no_tag" }
  /** Another tag with every answer. */
  | { kind: "etag_changes" }
  | { kind: "etag_weak" }
  /** Goes on after the last byte for as long as somebody reads; `declared`: with the right length in front. */
  | { kind: "endless"; declared?: boolean }
  | { kind: "status"; status: number; retry_after?: string }
  | { kind: "html" }
  /** To an absolute or a relative address; its own path makes a loop. */
  | { kind: "redirect"; to: string }
  /** So many bytes each `ms` milliseconds. */
  | { kind: "drip"; bytes: number; ms: number }
  /** Sends so many bytes of the body, and nothing more. */
  | { kind: "stall"; at: number }
  /** The whole body without a word about its length. */
  | { kind: "no_length" }
  /** Ends the connection in place of an answer. */
  | { kind: "drop" }
  /** A list of files in pages of one; the last page names a next one at `last`. */
  | { kind: "pages"; last?: string }
  /** Accepts the request and never answers. */
  | { kind: "silent" }
  | { kind: "gzip" };

export interface Asked {
  /** Path without the query. */
  path: string;
  headers: IncomingHttpHeaders;
}

export interface Hub {
  /** Without a slash at the end. */
  url: string;
  /** What was asked for, in order. */
  requests: Asked[];
  /** Adds or replaces a file; a path is as in the address, and begins with a slash. */
  put(path: string, bytes: Uint8Array): void;
  /** Throws the switch of a path, or puts it back. */
  set(path: string, fault?: Fault): void;
  close(): void;
}

/**
 * Serves files by their paths, with Range, If-Range and a tag made of their bytes. For files at `/owner/repo/resolve/revision/path` it
 * also answers `/api/models/owner/repo/tree/revision` as Hugging Face does.
 */
export async function startHub(files: Record<string, Uint8Array> = {}, port = 0): Promise<Hub> {
  const shelf = new Map(Object.entries(files));
  const faults = new Map<string, Fault & { seen: number }>();
  const requests: Asked[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, "http://hub").pathname);
    requests.push({ path, headers: request.headers });
    const bytes = shelf.get(path);
    const fault = active(faults.get(path));
    if (fault !== undefined && answeredAtOnce(fault, response)) return;
    if (bytes !== undefined) return send({ request, response, bytes, fault, count: requests.length });
    const tree = treeOf(shelf, path);
    if (tree === undefined) return void response.writeHead(404).end("Entry not found");
    if (fault?.kind === "pages") return sendPage(request, response, tree, fault.last);
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(tree));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    put: (path, bytes) => void shelf.set(path, bytes),
    set: (path, fault) => void (fault ? faults.set(path, { ...fault, seen: 0 }) : faults.delete(path)),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function active(fault: (Fault & { seen: number }) | undefined): Fault | undefined {
  if (fault === undefined) return undefined;
  const { after = 0, times = Infinity } = fault;
  const n = fault.seen++;
  return n >= after && n < after + times ? fault : undefined;
}

/** Faults that need no file. */
function answeredAtOnce(fault: Fault, response: ServerResponse): boolean {
  const { kind } = fault;
  if (kind === "status") {
    response.writeHead(fault.status, fault.retry_after === undefined ? {} : { "retry-after": fault.retry_after }).end("no");
  } else if (kind === "redirect") {
    response.writeHead(302, { location: fault.to }).end();
  } else if (kind === "html") {
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Sign in</title>");
  }
  if (kind === "drop") response.socket?.destroy();
  return ["status", "redirect", "html", "silent", "drop"].includes(kind);
}

function sendPage({ url = "" }: IncomingMessage, response: ServerResponse, tree: object[], last?: string): void {
  const address = new URL(url, "http://hub");
  const page = Number(address.searchParams.get("cursor") ?? 0);
  address.searchParams.set("cursor", String(page + 1));
  const next = page + 1 < tree.length ? address.pathname + address.search : last;
  const link = next === undefined ? {} : { link: `<${next}>; rel="next"` };
  response.writeHead(200, { "content-type": "application/json", ...link }).end(JSON.stringify(tree.slice(page, page + 1)));
}

interface Sending {
  request: IncomingMessage;
  response: ServerResponse;
  bytes: Uint8Array;
  fault: Fault | undefined;
  /** Of the request, over all paths. */
  count: number;
}

function send({ request, response, bytes, fault, count }: Sending): void {
  const etag = etagOf(bytes, fault, count);
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const tagless = fault?.kind === "no_tag";
  const same = tagless || [undefined, etag].includes(request.headers["if-range"] as string | undefined);
  const partial = from !== undefined && same && fault?.kind !== "no_range";
  const start = partial ? Number(from) : 0;
  if (start > 0 && start >= bytes.length)
    return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
  const end = partial && to ? Math.min(bytes.length, Number(to) + 1) : bytes.length;
  const body = changed(bytes, fault).subarray(start, end);
  const length = body.length + (fault?.kind === "wrong_length" ? fault.by : 0);
  response.writeHead(partial ? 206 : 200, {
    ...(!tagless && { etag }),
    ...((fault?.kind === "endless" && !fault.declared) || fault?.kind === "no_length" ? {} : { "content-length": length }),
    ...(partial && { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` }),
    ...(fault?.kind === "gzip" && { "content-encoding": "gzip" }),
  });
  pour(response, body, fault);
}

function pour(response: ServerResponse, body: Uint8Array, fault: Fault | undefined): void {
  const { socket } = response;
  if (fault?.kind === "cut" && fault.at < body.length) {
    // Past the check of its own length, and late enough for what was written to arrive.
    response.write(body.subarray(0, fault.at), () => setTimeout(() => socket?.destroy(), 20));
  } else if (fault?.kind === "stall" && fault.at < body.length) response.write(body.subarray(0, fault.at));
  else if (fault?.kind === "drip") drip(response, body, fault);
  else if (fault?.kind === "endless") endless(response, body);
  else if (fault?.kind === "wrong_length") response.write(body, () => setTimeout(() => socket?.end(), 20));
  else response.end(body);
}

function drip(response: ServerResponse, body: Uint8Array, { bytes, ms }: { bytes: number; ms: number }, at = 0): void {
  if (response.destroyed) return;
  if (at >= body.length) return void response.end();
  response.write(body.subarray(at, at + bytes));
  setTimeout(() => drip(response, body, { bytes, ms }, at + bytes), ms);
}

function endless(response: ServerResponse, body: Uint8Array): void {
  const { socket } = response;
  response.write(body);
  const more = new Uint8Array(65_536).fill(7);
  // Below the response, which would not let out more than it has declared.
  // Paced: on Bun a socket takes whatever it is given, as long as there is memory.
  const go = (): void => {
    if (!socket || socket.destroyed) return;
    socket.write(more);
    setTimeout(go, 5);
  };
  socket?.on("error", () => {});
  setTimeout(go, 10);
}

function changed(bytes: Uint8Array, fault: Fault | undefined): Uint8Array {
  if (fault?.kind !== "flip") return bytes;
  const copy = bytes.slice();
  copy[fault.at]! ^= 1;
  return copy;
}

function etagOf(bytes: Uint8Array, fault: Fault | undefined, count: number): string {
  const tag = `"${sha256(bytes).slice(0, 16)}"`;
  if (fault?.kind === "etag_weak") return `W/${tag}`;
  return fault?.kind === "etag_changes" ? `"${count}"` : tag;
}

function treeOf(shelf: Map<string, Uint8Array>, path: string): object[] | undefined {
  const [, repo, revision] = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/(.+)$/.exec(path) ?? [];
  const folder = `/${repo}/resolve/${revision}/`;
  const found = [...shelf].filter(([path]) => path.startsWith(folder));
  if (found.length === 0) return undefined;
  return found.map(([path, bytes]) => {
    const oid = createHash("sha1").update(bytes).digest("hex");
    const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 134 };
    return { type: "file", path: path.slice(folder.length), size: bytes.length, oid, lfs };
  });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
