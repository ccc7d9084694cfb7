// One file over http(s): resumed where it was left, given up when it stalls, tried again while that makes sense.
import { setTimeout as timer } from "node:timers/promises";
import type { FileTransfer, TransferStep } from "../sources/source.ts";
import { SourceError } from "../download-errors.ts";
import { dialFile } from "./http-connection.ts";
import { type Dial, dial, type LocatedResponse } from "./dial.ts";
import { refusalOf, requestUrl } from "./http-request.ts";
import { problemOf } from "./failure-words.ts";
import { silenceError, throwBroken, withTimeout } from "./idle-timeout.ts";
import { isSameFile, originOf, type PartOrigin, strongTag } from "./part-note.ts";
import { createSpeedMeter, fetchInRanges, type ParallelTransfer } from "./ranges.ts";

/** Tries in a row before the next source is asked; the job that has none left waits longer before it asks all of them again. */
const MOST_TRIES = 6;
/** A machine without internet is to be told of that within seconds. */
const MOST_TRIES_UNANSWERED = 2;
/** Milliseconds: where a source asks for more patience, the next one is asked meanwhile. */
const LONGEST_WAIT = 60_000;
/** Bytes of a broken connection that make it count as progress, after which the tries are counted anew. */
const PROGRESS = 65_536;

/** Where the bytes are; `denial_hint`: what to do about 401 and 403, as a sentence. */
interface RemoteFile {
  url: URL;
  denial_hint: string | undefined;
}

/** Fills the part from an address, all but the final check. Throws `SourceError`, and the signal's reason. */
export async function* fetchOverHttp(transfer: FileTransfer, remote: RemoteFile): AsyncGenerator<TransferStep> {
  const { part, options, signal } = transfer;
  const { wait = (ms, signal) => timer(ms, undefined, { signal }) } = options;
  let answered = false;
  let most = MOST_TRIES_UNANSWERED;
  const peer: Peer = {
    get answered() {
      return answered;
    },
    onAnswer: () => ([answered, most] = [true, MOST_TRIES]),
    // A host that never answered may be unreachable for good; one that did is worth another try.
    onSilence: () => void (answered || (most = 1)),
  };
  let problem: Pick<TransferStep, "problem" | "owner_problem"> | undefined;
  // The most bytes that ever were here: a source that begins again each time makes no progress.
  let furthest = 0;
  for (let tries = 1; ; tries++) {
    const before = part.bytes;
    furthest = Math.max(furthest, before);
    try {
      const steps = fetchOnce(transfer, remote, peer);
      for await (const step of steps) yield { ...problem, ...step };
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SourceError) || error.retry_ms === undefined) throw error;
      if (part.bytes < before) problem = problemOf(error);
      if (part.bytes - furthest >= PROGRESS) tries = 1;
      if (tries >= most || error.retry_ms > LONGEST_WAIT) throw error;
      await wait(Math.max(error.retry_ms, 500 * 2 ** (tries - 1)), signal);
    }
  }
}

/** What one try finds out about the host, for the next one. */
interface Peer {
  readonly answered: boolean;
  onAnswer(): void;
  onSilence(): void;
}

async function* fetchOnce(transfer: FileTransfer, { url, denial_hint }: RemoteFile, peer: Peer) {
  const { part, file, options, signal } = transfer;
  const { connect_ms = 10_000, stall_ms = 30_000, proxies } = options;
  const origin = await part.resume(url.href);
  const resumed = origin ? { resumed_from: part.bytes } : undefined;
  if (resumed && part.bytes === (file.size ?? origin?.total)) return;

  const request = async (headers: Record<string, string>, signal: AbortSignal, dialer: Dial): Promise<LocatedResponse> => {
    const response = await requestUrl(url, headers, options, signal, dialer);
    peer.onAnswer();
    const refusal = refusalOf(response, denial_hint);
    if (refusal) throw refusal;
    return response;
  };
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    const headers = { "accept-encoding": "identity", ...(origin && rangeHeaders(part.bytes, origin)) };
    const ms = peer.answered ? stall_ms : connect_ms;
    const silence = () => (peer.onSilence(), silenceError(url, ms, 0, proxies));
    const inTime = (dialer: Dial) => withTimeout(ms, request(headers, either, dialer), silence);
    let response = await inTime(dialFile);
    if (response.status < 300 && !response.headers.has("content-length") && file.size !== undefined) {
      response.close();
      response = await inTime(dial); // reads bodies that end otherwise, though slower
    }
    if (origin && isAtEnd(response, part.bytes) && isSameFile(origin, response, file.sha256)) return;
    const problem = origin && response.status === 200 ? { problem: restartReason(response, origin) } : undefined;
    const total = await alignPart(transfer, response, url, origin);
    const step = () => ({ bytes: part.bytes, total, ...(response.status === 206 && resumed), ...problem });
    yield step();
    const read = () => withTimeout(stall_ms, response.read().catch(throwBroken), () => silenceError(url, stall_ms, 0));
    const parallel: ParallelTransfer = {
      part,
      url,
      total,
      origin: originOf(url, response, total, file.sha256),
      sha256: file.sha256,
      response,
      request,
      stall_ms: { beside: Math.min(connect_ms, stall_ms), alone: stall_ms },
      signal: either,
      parallel: options.parallel,
    };
    const speed = createSpeedMeter(parallel);
    for (let started = performance.now(), chunk = await read(); chunk; started = performance.now(), chunk = await read()) {
      signal.throwIfAborted(); // what had come before the abort is still handed out
      speed?.count(performance.now() - started, chunk.length);
      await part.write(chunk);
      yield step();
      if (!speed?.isSlow()) continue;
      for await (const _ of fetchInRanges(parallel)) yield step();
      break;
    }
    if (part.bytes < total) throw new SourceError(`The connection ended after ${part.bytes} of ${total} bytes.`, { retry_ms: 0 });
  } finally {
    stop.abort(); // frees the socket of a response that nobody reads to its end
  }
}

function rangeHeaders(start: number, { etag }: PartOrigin): Record<string, string> {
  const tag = strongTag(etag);
  return { range: `bytes=${start}-`, ...(tag && { "if-range": tag }) };
}

/** There is nothing behind the bytes that are here. */
function isAtEnd({ status, headers }: LocatedResponse, bytes: number): boolean {
  return status === 416 && headers.get("content-range") === `bytes */${bytes}`;
}

function restartReason({ headers }: LocatedResponse, { etag }: PartOrigin): string {
  const why = headers.get("etag") === (etag ?? null) ? "it cannot continue a download" : "its file is another one now";
  return `The download began again: ${why}.`;
}

/** Makes the part fit the response: goes on for 206, starts over for 200. Answers with the bytes of the whole file. */
async function alignPart({ part, file }: FileTransfer, response: LocatedResponse, url: URL, origin: PartOrigin | undefined) {
  const { status, headers } = response;
  if ((headers.get("content-encoding") ?? "identity") !== "identity") {
    throw new SourceError("It compresses the file although asked not to.");
  }
  if (headers.get("content-type")?.startsWith("text/html")) throw mismatch("It sent a web page instead of a model.");
  const range = origin && rangeOf(response);
  const fits =
    range?.start === part.bytes && range.total === (origin?.total ?? range.total) && isSameFile(origin!, response, file.sha256);
  if (status !== 200 && !fits) {
    await part.restart();
    throw new SourceError("The download began again: it does not continue where that stopped.", { retry_ms: 0 });
  }
  const total = fits ? range.total : Number(headers.get("content-length") ?? file.size ?? NaN);
  if (Number.isNaN(total)) throw new SourceError("It does not say how long the file is.");
  if (file.size !== undefined && total !== file.size) {
    if (fits) await part.restart();
    throw mismatch(`Its file has ${total} bytes instead of ${file.size}.`);
  }
  if (!fits) await part.restart(originOf(url, response, total, file.sha256));
  await part.expect(total);
  return total;
}

/** What a 206 says it holds; undefined where that is not clear, or not as long as its body. */
function rangeOf({ status, headers }: LocatedResponse): { start: number; total: number } | undefined {
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (status !== 206 || total === undefined) return undefined;
  const length = Number(end) + 1 - Number(start);
  if (Number(headers.get("content-length") ?? length) !== length) return undefined;
  return { start: Number(start), total: Number(total) };
}

function mismatch(message: string): SourceError {
  return new SourceError(message, { code: "checksum_mismatch" });
}
