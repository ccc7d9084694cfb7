// One of several connections that fetch a file together, a segment at a time.
import type { DialResponse, Dial } from "./dial-response.ts";
import { rangeDialer } from "./dial-file.ts";
import { isComplete, positionOf, type Segment, type Segments, type SegmentTaker } from "./segments.ts";
import { throwBroken, silenceError, withTimeout } from "./idle-timeout.ts";
import { SourceError } from "../sources/source-error.ts";

/** A connection is too slow at so many times what another takes, and at a second at least. */
const TOO_SLOW = 3;

/** What is fetched. */
export interface RangedFile {
  url: URL;
  /** Bytes of the whole file. */
  total: number;
  /** Of the file; where it is not a strong one, nothing says that two ranges belong to the same bytes. */
  etag: string | undefined;
  /** Asks for the file. Throws what the connection throws, and `SourceError` where it is refused. */
  request: (headers: Record<string, string>, signal: AbortSignal, dial: Dial) => Promise<DialResponse>;
  /** Milliseconds without a byte after which a connection is given up: while there are others, and the last one. */
  stall_ms: { beside: number; alone: number };
  signal: AbortSignal;
}

export interface RangePeers {
  /** There are none any more. */
  isLast(): boolean;
  /** A segment has come whole. */
  onSegment(): void;
}

/** Fetches segments until all have come. Throws when it is to be given up: what the connection throws, or `SourceError`. */
export async function runRangeConnection(
  whole: RangedFile,
  segments: Segments,
  { isLast, onSegment }: RangePeers,
  stream?: ByteStream,
): Promise<void> {
  const me: SegmentTaker = { answered: stream !== undefined, cut: () => stream?.close() };
  const dialer = rangeDialer();
  let [idle, busy, bytes] = [0, 0, 0];
  try {
    while (!segments.complete) {
      whole.signal.throwIfAborted();
      const segment = segments.take(me, stream?.left ? stream.at : undefined);
      if (!segment) {
        cutSlow(segments.front, idle, busy / bytes);
        await segments.changed();
        continue;
      }
      const from = positionOf(segment);
      try {
        if (!stream?.left || stream.at !== from) {
          stream?.close();
          stream = undefined;
          stream = await open(whole, segment, isLast(), dialer.dial);
          me.answered = true;
        }
        // The first connection may have come this far before there was an answer here.
        if (segment.taker !== me) continue;
        await fill(whole, segments, segment, stream, isLast);
      } finally {
        segments.release(segment, me);
      }
      onSegment();
      idle = performance.now();
      busy += idle - segment.taken;
      bytes += positionOf(segment) - from;
    }
  } finally {
    stream?.close();
    dialer.close();
  }
}

/**
 * Cuts the connection that everybody waits for, if it takes much longer than one took that has nothing to do since `idle`. Nothing is
 * known of that one, and `ms_per_byte` is no number, before it has fetched something.
 */
function cutSlow(front: Segment | undefined, idle: number, ms_per_byte: number): void {
  if (!front?.taker || isComplete(front)) return;
  const ms = performance.now() - Math.max(idle, front.taken);
  if (ms > Math.max(1_000, TOO_SLOW * ms_per_byte * front.bytes.length)) front.taker.cut();
}

async function fill(
  whole: RangedFile,
  segments: Segments,
  segment: Segment,
  stream: ByteStream,
  isLast: () => boolean,
): Promise<void> {
  while (!isComplete(segment)) {
    const ms = isLast() ? whole.stall_ms.alone : whole.stall_ms.beside;
    const chunk = await withTimeout(ms, stream.next(segment.bytes.length - segment.filled).catch(throwBroken), () =>
      silenceError(whole.url, ms, 0),
    );
    if (!chunk) throw new SourceError(`The connection ended after ${stream.at} of ${whole.total} bytes.`, { retry_ms: 0 });
    segment.bytes.set(chunk, segment.filled);
    segment.filled += chunk.length;
    segments.ring();
  }
}

/** Asks for what is missing of a segment, and the last connection for all that is behind it, too. */
async function open(whole: RangedFile, segment: Segment, isLast: boolean, dial: Dial): Promise<ByteStream> {
  const { url, total, etag = "", stall_ms, signal } = whole;
  const start = positionOf(segment);
  const end = isLast ? total : segment.start + segment.bytes.length;
  const headers = { "accept-encoding": "identity", range: `bytes=${start}-${end - 1}`, "if-range": etag };
  const stop = new AbortController();
  try {
    const asked = whole.request(headers, AbortSignal.any([signal, stop.signal]), dial);
    const answer = await withTimeout(stall_ms.beside, asked, () => silenceError(url, stall_ms.beside, 0));
    const says = (name: string): string | null => answer.headers.get(name);
    const fits = says("etag") === etag && says("content-range") === `bytes ${start}-${end - 1}/${total}`;
    const plain = (says("content-encoding") ?? "identity") === "identity";
    if (answer.status === 206 && fits && plain) return byteStreamOf(answer, start, end);
    throw new SourceError("It did not send the range that it was asked for.", { retry_ms: 0 });
  } catch (error) {
    stop.abort(); // what is not read to its end
    throw error;
  }
}

/** The bytes of an answer from the offset `at` in the file. */
export interface ByteStream {
  at: number;
  /** Bytes that are still to come. */
  left: number;
  /** So many bytes at most, undefined at the end. They are overwritten by the next call. */
  next(most: number): Promise<Uint8Array | undefined>;
  close(): void;
}

export function byteStreamOf(answer: DialResponse, start: number, end: number): ByteStream {
  let rest: Uint8Array | undefined = new Uint8Array();
  const stream: ByteStream = {
    at: start,
    left: end - start,
    async next(most) {
      if (rest?.length === 0) rest = await answer.read();
      const taken = rest?.subarray(0, most);
      rest = rest?.subarray(most);
      stream.at += taken?.length ?? 0;
      stream.left -= taken?.length ?? 0;
      return taken;
    },
    close: answer.close,
  };
  return stream;
}
