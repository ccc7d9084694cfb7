// One file over http(s): resumed where it was left, given up when it stalls, tried again while that makes sense.
import { setTimeout as timer } from "node:timers/promises";
import type { FileTransfer, TransferStep } from "../sources/source.ts";
import { SourceError } from "../download-errors.ts";
import { dialFile } from "./http-connection.ts";
import type { Dial, DialResponse } from "./dial.ts";
import { refusalOf, requestUrl } from "./http-request.ts";
import { silenceError, throwBroken, withTimeout } from "./idle-timeout.ts";
import { createSpeedMeter, fetchInRanges, type ParallelTransfer } from "./ranges.ts";

const MOST_TRIES = 6;
/** A machine without internet is to know within seconds. */
const MOST_TRIES_UNANSWERED = 2;
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
  let problem: string | undefined;
  for (let tries = 1; ; tries++) {
    const before = part.bytes;
    try {
      const steps = fetchOnce(transfer, remote, answered, () => (answered = true));
      for await (const step of steps) yield { ...(problem && { problem }), ...step };
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SourceError) || error.retry_ms === undefined) throw error;
      if (part.bytes < before) problem = error.message;
      if (part.bytes - before >= PROGRESS) tries = 1;
      if (tries >= (answered ? MOST_TRIES : MOST_TRIES_UNANSWERED)) throw error;
      await wait(Math.max(error.retry_ms, 500 * 2 ** (tries - 1)), signal);
    }
  }
}

async function* fetchOnce(transfer: FileTransfer, { url, denial_hint }: RemoteFile, answered: boolean, onAnswer: () => void) {
  const { part, file, options, signal } = transfer;
  const { connect_ms = 10_000, stall_ms = 30_000 } = options;
  const etag = await part.resume(url.href);
  const resumed = etag ? { resumed_from: part.bytes } : undefined;
  if (resumed && part.bytes === file.size) return;

  const request = async (headers: Record<string, string>, signal: AbortSignal, dial: Dial): Promise<DialResponse> => {
    const response = await requestUrl(url, headers, options, signal, dial);
    onAnswer();
    const refusal = refusalOf(response, denial_hint);
    if (refusal) throw refusal;
    return response;
  };
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    const headers = { "accept-encoding": "identity", ...(etag && { range: `bytes=${part.bytes}-`, "if-range": etag }) };
    // A host that never answered may be unreachable for good; one that did is worth another try.
    const silence = () => (answered ? silenceError(url, stall_ms, 0) : silenceError(url, connect_ms));
    const response = await withTimeout(answered ? stall_ms : connect_ms, request(headers, either, dialFile), silence);
    if (resumed && isAtEnd(response, part.bytes)) return;
    const problem = etag && response.status === 200 ? { problem: restartReason(response, etag) } : undefined;
    const total = await alignPart(transfer, response, url.href, etag);
    const step = () => ({ bytes: part.bytes, total, ...(response.status === 206 && resumed), ...problem });
    yield step();
    const read = () => withTimeout(stall_ms, response.read().catch(throwBroken), () => silenceError(url, stall_ms, 0));
    const parallel: ParallelTransfer = {
      part,
      url,
      total,
      etag: response.headers.get("etag") ?? etag,
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

/** There is nothing behind the bytes that are here; with another tag than theirs it would have answered 200. */
function isAtEnd({ status, headers }: DialResponse, bytes: number): boolean {
  return status === 416 && headers.get("content-range") === `bytes */${bytes}`;
}

function restartReason({ headers }: DialResponse, etag: string): string {
  const why = headers.get("etag") === etag ? "it cannot continue a download" : "its file is another one now";
  return `The download began again: ${why}.`;
}

/** Makes the part fit the response: goes on for 206, starts over for 200. Answers with the bytes of the whole file. */
async function alignPart({ part, file }: FileTransfer, response: DialResponse, url: string, etag: string | undefined) {
  if ((response.headers.get("content-encoding") ?? "identity") !== "identity") {
    throw new SourceError("It compresses the file although asked not to.");
  }
  if (response.headers.get("content-type")?.startsWith("text/html")) throw mismatch("It sent a web page instead of a model.");
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  const fits = response.status === 206 && Number(range?.[1]) === part.bytes && (response.headers.get("etag") ?? etag) === etag;
  if (response.status !== 200 && !fits) {
    await part.restart();
    throw new SourceError("The download began again: it does not continue where that stopped.", { retry_ms: 0 });
  }
  const total = fits ? Number(range?.[2]) : Number(response.headers.get("content-length") ?? NaN);
  if (Number.isNaN(total)) throw new SourceError("It does not say how long the file is.");
  if (file.size !== undefined && total !== file.size) {
    if (fits) await part.restart();
    throw mismatch(`Its file has ${total} bytes instead of ${file.size}.`);
  }
  // A weak tag promises the same meaning, not the same bytes, so nothing can be resumed by it.
  const tag = response.headers.get("etag");
  if (!fits) await part.restart(tag?.startsWith('"') ? { url, etag: tag } : undefined);
  await part.expect(total);
  return total;
}

function mismatch(message: string): SourceError {
  return new SourceError(message, { code: "checksum_mismatch" });
}
