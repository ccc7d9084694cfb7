// One file over http(s): resumed where it was left, given up when it stalls, tried again while that makes sense.
import { setTimeout as timer } from "node:timers/promises";
import type { ModelFile } from "./model.ts";
import type { Part } from "./part.ts";
import { address, type DownloadOptions, get, type Progress, refusal, SourceError, type WebSource } from "./sources.ts";

const MOST_TRIES = 6;
/** A machine without internet is to know within seconds. */
const MOST_TRIES_UNHEARD = 2;
/** Bytes of a broken connection that make it count as progress, after which the tries are counted anew. */
const PROGRESS = 65_536;

type Step = Omit<Progress, "source">;

/** What is to be fetched, and into what. */
export interface Job {
  part: Part;
  file: ModelFile;
  options: DownloadOptions;
  signal: AbortSignal;
}

/** Fills the part from the address of a source, all but the final check. Throws `SourceError`, and the signal's reason. */
export async function* fromWeb(job: Job, source: WebSource): AsyncGenerator<Step> {
  const { part, options, signal } = job;
  const { wait = (ms, signal) => timer(ms, undefined, { signal }) } = options;
  let heard = false;
  for (let tries = 1; ; tries++) {
    const before = part.bytes;
    try {
      return yield* once(job, source, heard, () => (heard = true));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SourceError) || error.retry_ms === undefined) throw error;
      if (part.bytes - before >= PROGRESS) tries = 1;
      if (tries >= (heard ? MOST_TRIES : MOST_TRIES_UNHEARD)) throw error;
      await wait(Math.max(error.retry_ms, 500 * 2 ** (tries - 1)), signal);
    }
  }
}

async function* once(
  { part, file, options, signal }: Job,
  source: WebSource,
  heard: boolean,
  onAnswer: () => void,
): AsyncGenerator<Step> {
  const { connect_ms = 10_000, stall_ms = 30_000 } = options;
  const url = address(source, options);
  const etag = await part.resume(url.href);
  const resumed = etag ? { resumed_from: part.bytes } : undefined;
  if (resumed && part.bytes === file.size) return;

  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    const headers = { "accept-encoding": "identity", ...(etag && { range: `bytes=${part.bytes}-`, "if-range": etag }) };
    // A host that never answered may be unreachable for good; one that did is worth another try.
    const silence = heard ? silent(url, stall_ms, 0) : silent(url, connect_ms);
    const response = await within(heard ? stall_ms : connect_ms, get(url, headers, options, either), silence);
    onAnswer();
    const refused = refusal(response, source, options);
    if (refused) throw refused;
    const total = await place(part, file, response, url.href, etag);
    const step = () => ({ bytes: part.bytes, total, ...(response.status === 206 && resumed) });
    yield step();
    const body = response.body?.getReader();
    const read = async () => (body ? within(stall_ms, body.read().catch(broken), silent(url, stall_ms, 0)) : undefined);
    for (let chunk = await read(); chunk?.value; chunk = await read()) {
      await part.write(chunk.value);
      yield step();
    }
    if (part.bytes < total) throw new SourceError(`The connection ended after ${part.bytes} of ${total} bytes.`, { retry_ms: 0 });
  } finally {
    stop.abort(); // frees the socket of an answer that nobody reads to its end
  }
}

/** Makes the part fit the answer: goes on for 206, starts over for 200. Answers with the bytes of the whole file. */
async function place(part: Part, file: ModelFile, response: Response, url: string, etag: string | undefined): Promise<number> {
  if ((response.headers.get("content-encoding") ?? "identity") !== "identity") {
    throw new SourceError("It compresses the file although asked not to.");
  }
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  const fits = response.status === 206 && Number(range?.[1]) === part.bytes && (response.headers.get("etag") ?? etag) === etag;
  if (response.status !== 200 && !fits) {
    await part.restart();
    throw new SourceError("It does not continue where the download stopped.", { retry_ms: 0 });
  }
  const total = fits ? Number(range?.[2]) : Number(response.headers.get("content-length") ?? NaN);
  if (Number.isNaN(total)) throw new SourceError("It does not say how long the file is.");
  if (file.size !== undefined && total !== file.size) {
    if (fits) await part.restart();
    throw new SourceError(`Its file has ${total} bytes instead of ${file.size}.`);
  }
  // A weak tag promises the same meaning, not the same bytes, so nothing can be resumed by it.
  const tag = response.headers.get("etag");
  if (!fits) await part.restart(tag?.startsWith('"') ? { url, etag: tag } : undefined);
  return total;
}

async function within<T>(ms: number, work: Promise<T>, error: SourceError): Promise<T> {
  let late: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => (late = setTimeout(() => reject(error), ms)));
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(late);
  }
}

function silent(url: URL, ms: number, retry_ms?: number): SourceError {
  return new SourceError(`${url.host} sent nothing for ${ms / 1000} seconds.`, retry_ms === undefined ? {} : { retry_ms });
}

function broken(error: Error): never {
  throw new SourceError(`The connection broke (${error.message}).`, { retry_ms: 0, cause: error });
}
