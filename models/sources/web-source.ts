// One file over http(s): resumed where it was left, given up when it stalls, tried again while that makes sense.
import { setTimeout as timer } from "node:timers/promises";
import type { DialResponse, Dial } from "../download/dial-response.ts";
import { dialFile } from "../download/dial-file.ts";
import type { ModelFile } from "../manifest.ts";
import type { PartFile } from "../download/part-file.ts";
import { inRanges, meter, type Split } from "../download/ranges.ts";
import { broken, silent, within } from "../download/idle-timeout.ts";
import {
  address,
  requestUrl,
  type DownloadOptions,
  type DownloadProgress,
  refusal,
  SourceError,
  type WebSource,
} from "./web-request.ts";

const MOST_TRIES = 6;
/** A machine without internet is to know within seconds. */
const MOST_TRIES_UNHEARD = 2;
/** Bytes of a broken connection that make it count as progress, after which the tries are counted anew. */
const PROGRESS = 65_536;

type TransferStep = Omit<DownloadProgress, "source">;

/** What is to be fetched, and into what. */
export interface Transfer {
  part: PartFile;
  file: ModelFile;
  options: DownloadOptions;
  signal: AbortSignal;
}

/** Fills the part from the address of a source, all but the final check. Throws `SourceError`, and the signal's reason. */
export async function* fromWeb(job: Transfer, source: WebSource): AsyncGenerator<TransferStep> {
  const { part, options, signal } = job;
  const { wait = (ms, signal) => timer(ms, undefined, { signal }) } = options;
  let heard = false;
  let problem: string | undefined;
  for (let tries = 1; ; tries++) {
    const before = part.bytes;
    try {
      for await (const step of once(job, source, heard, () => (heard = true))) yield { ...(problem && { problem }), ...step };
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SourceError) || error.retry_ms === undefined) throw error;
      if (part.bytes < before) problem = error.message;
      if (part.bytes - before >= PROGRESS) tries = 1;
      if (tries >= (heard ? MOST_TRIES : MOST_TRIES_UNHEARD)) throw error;
      await wait(Math.max(error.retry_ms, 500 * 2 ** (tries - 1)), signal);
    }
  }
}

async function* once(
  { part, file, options, signal }: Transfer,
  source: WebSource,
  heard: boolean,
  onAnswer: () => void,
): AsyncGenerator<TransferStep> {
  const { connect_ms = 10_000, stall_ms = 30_000 } = options;
  const url = address(source, options);
  const etag = await part.resume(url.href);
  const resumed = etag ? { resumed_from: part.bytes } : undefined;
  if (resumed && part.bytes === file.size) return;

  const asks = async (headers: Record<string, string>, signal: AbortSignal, dial: Dial): Promise<DialResponse> => {
    const answer = await requestUrl(url, headers, options, signal, dial);
    onAnswer();
    const refused = refusal(answer, source, options);
    if (refused) throw refused;
    return answer;
  };
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    const headers = { "accept-encoding": "identity", ...(etag && { range: `bytes=${part.bytes}-`, "if-range": etag }) };
    // A host that never answered may be unreachable for good; one that did is worth another try.
    const silence = () => (heard ? silent(url, stall_ms, 0) : silent(url, connect_ms));
    const answer = await within(heard ? stall_ms : connect_ms, asks(headers, either, dialFile), silence);
    if (resumed && isWhole(answer, part.bytes)) return;
    const problem = etag && answer.status === 200 ? { problem: whyAgain(answer, etag) } : undefined;
    const total = await place(part, file, answer, url.href, etag);
    const step = () => ({ bytes: part.bytes, total, ...(answer.status === 206 && resumed), ...problem });
    yield step();
    const read = () => within(stall_ms, answer.read().catch(broken), () => silent(url, stall_ms, 0));
    const split: Split = {
      part,
      url,
      total,
      etag: answer.headers.get("etag") ?? etag,
      answer,
      ask: asks,
      stall_ms: { beside: Math.min(connect_ms, stall_ms), alone: stall_ms },
      signal: either,
      parallel: options.parallel,
    };
    const speed = meter(split);
    for (let asked = performance.now(), chunk = await read(); chunk; asked = performance.now(), chunk = await read()) {
      signal.throwIfAborted(); // what had come before the abort is still handed out
      speed?.count(performance.now() - asked, chunk.length);
      await part.write(chunk);
      yield step();
      if (!speed?.isSlow()) continue;
      for await (const _ of inRanges(split)) yield step();
      break;
    }
    if (part.bytes < total) throw new SourceError(`The connection ended after ${part.bytes} of ${total} bytes.`, { retry_ms: 0 });
  } finally {
    stop.abort(); // frees the socket of an answer that nobody reads to its end
  }
}

/** There is nothing behind the bytes that are here; with another tag than theirs it would have answered 200. */
function isWhole({ status, headers }: DialResponse, bytes: number): boolean {
  return status === 416 && headers.get("content-range") === `bytes */${bytes}`;
}

function whyAgain({ headers }: DialResponse, etag: string): string {
  const why = headers.get("etag") === etag ? "it cannot continue a download" : "its file is another one now";
  return `The download began again: ${why}.`;
}

/** Makes the part fit the answer: goes on for 206, starts over for 200. Answers with the bytes of the whole file. */
async function place(
  part: PartFile,
  file: ModelFile,
  answer: DialResponse,
  url: string,
  etag: string | undefined,
): Promise<number> {
  if ((answer.headers.get("content-encoding") ?? "identity") !== "identity") {
    throw new SourceError("It compresses the file although asked not to.");
  }
  if (answer.headers.get("content-type")?.startsWith("text/html")) throw mismatch("It sent a web page instead of a model.");
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers.get("content-range") ?? "");
  const fits = answer.status === 206 && Number(range?.[1]) === part.bytes && (answer.headers.get("etag") ?? etag) === etag;
  if (answer.status !== 200 && !fits) {
    await part.restart();
    throw new SourceError("The download began again: it does not continue where that stopped.", { retry_ms: 0 });
  }
  const total = fits ? Number(range?.[2]) : Number(answer.headers.get("content-length") ?? NaN);
  if (Number.isNaN(total)) throw new SourceError("It does not say how long the file is.");
  if (file.size !== undefined && total !== file.size) {
    if (fits) await part.restart();
    throw mismatch(`Its file has ${total} bytes instead of ${file.size}.`);
  }
  // A weak tag promises the same meaning, not the same bytes, so nothing can be resumed by it.
  const tag = answer.headers.get("etag");
  if (!fits) await part.restart(tag?.startsWith('"') ? { url, etag: tag } : undefined);
  await part.expect(total);
  return total;
}

function mismatch(message: string): SourceError {
  return new SourceError(message, { code: "checksum_mismatch" });
}
