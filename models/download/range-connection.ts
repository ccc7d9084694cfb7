// One of several connections that fetch a file together, a segment at a time.
import type { Dial, DialResponse, LocatedResponse } from "./dial.ts";
import { createRangeDialer } from "./http-connection.ts";
import { isSameFile, type PartOrigin } from "./part-note.ts";
import { isComplete, positionOf, type Segment, type Segments, type SegmentTaker } from "./segments.ts";
import { silenceError, throwBroken, withTimeout } from "./idle-timeout.ts";
import { SourceError } from "../download-errors.ts";

/** A connection is too slow at so many times the time that another one takes, and at a second at least. */
const TOO_SLOW = 3;

export interface RangedFile {
  url: URL;
  /** Bytes of the whole file. */
  total: number;
  /** Of the first connection; its tag is a strong one. */
  origin: PartOrigin;
  sha256: string | undefined;
  /** Throws what the connection throws, and `SourceError` for a response that refuses the file. */
  request: (headers: Record<string, string>, signal: AbortSignal, dial: Dial) => Promise<LocatedResponse>;
  /** Milliseconds without a byte after which a connection is given up: while there are others, and the last one. */
  stall_ms: { beside: number; alone: number };
  signal: AbortSignal;
}

export interface RangePeers {
  /** No other connection is left. */
  isLast(): boolean;
  /** A segment has come whole. */
  onSegment(): void;
}

/** Fetches segments until all have come. Throws when the connection is to be given up: what it throws itself, or `SourceError`. */
export async function runRangeConnection(file: RangedFile, segments: Segments, peers: RangePeers, stream?: ByteStream) {
  const self: SegmentTaker = { answered: stream !== undefined, cut: () => stream?.close() };
  const dialer = createRangeDialer();
  let [idle, busy, bytes] = [0, 0, 0];
  try {
    while (!segments.complete) {
      file.signal.throwIfAborted();
      const segment = segments.take(self, stream?.left ? stream.at : undefined);
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
          stream = await openRange(file, segment, peers.isLast(), dialer.dial);
          self.answered = true;
        }
        // The first connection may have come this far before this one had a response.
        if (segment.taker !== self) continue;
        await fillSegment(file, segments, segment, stream, peers);
      } finally {
        segments.release(segment, self);
      }
      peers.onSegment();
      idle = performance.now();
      busy += idle - segment.taken_at;
      bytes += positionOf(segment) - from;
    }
  } finally {
    stream?.close();
    dialer.close();
  }
}

/**
 * Cuts the connection that all others wait for, if it takes much longer than the calling one took, which has nothing to do since
 * `idle`. `ms_per_byte` is NaN for a caller that has fetched nothing yet: then nothing is too slow.
 */
function cutSlow(front: Segment | undefined, idle: number, ms_per_byte: number): void {
  if (!front?.taker || isComplete(front)) return;
  const ms = performance.now() - Math.max(idle, front.taken_at);
  if (ms > Math.max(1_000, TOO_SLOW * ms_per_byte * front.bytes.length)) front.taker.cut();
}

async function fillSegment(file: RangedFile, segments: Segments, segment: Segment, stream: ByteStream, peers: RangePeers) {
  while (!isComplete(segment)) {
    const ms = peers.isLast() ? file.stall_ms.alone : file.stall_ms.beside;
    const next = stream.next(segment.bytes.length - segment.filled).catch(throwBroken);
    const chunk = await withTimeout(ms, next, () => silenceError(file.url, ms, 0));
    if (!chunk) throw new SourceError(`The connection ended after ${stream.at} of ${file.total} bytes.`, { retry_ms: 0 });
    segment.bytes.set(chunk, segment.filled);
    segment.filled += chunk.length;
    segments.notify();
  }
}

/** Requests what is missing of a segment; the last connection also requests all that is behind it. */
async function openRange(file: RangedFile, segment: Segment, isLast: boolean, dial: Dial): Promise<ByteStream> {
  const { url, total, origin, sha256, stall_ms, signal } = file;
  const { etag = "" } = origin;
  const start = positionOf(segment);
  const end = isLast ? total : segment.start + segment.bytes.length;
  const headers = { "accept-encoding": "identity", range: `bytes=${start}-${end - 1}`, "if-range": etag };
  const stop = new AbortController();
  try {
    const request = file.request(headers, AbortSignal.any([signal, stop.signal]), dial);
    const response = await withTimeout(stall_ms.beside, request, () => silenceError(url, stall_ms.beside, 0));
    const header = (name: string): string | null => response.headers.get(name);
    const same = header("etag") === etag && isSameFile(origin, response, sha256);
    const fits = same && header("content-range") === `bytes ${start}-${end - 1}/${total}`;
    const plain = (header("content-encoding") ?? "identity") === "identity";
    if (response.status === 206 && fits && plain) return byteStreamOf(response, start, end);
    throw new SourceError("It did not send the range that it was asked for.", { retry_ms: 0 });
  } catch (error) {
    stop.abort(); // closes a response that is not read to its end
    throw error;
  }
}

export type ByteStream = ReturnType<typeof byteStreamOf>;

/** The bytes of a response from the offset `at` in the file; `left` are still to come. */
export function byteStreamOf(response: DialResponse, start: number, end: number) {
  let unread: Uint8Array | undefined = new Uint8Array();
  const stream = {
    at: start,
    left: end - start,
    /** So many bytes at most, undefined at the end. The next call overwrites them. */
    async next(most: number): Promise<Uint8Array | undefined> {
      if (unread?.length === 0) unread = await response.read();
      const taken = unread?.subarray(0, most);
      unread = unread?.subarray(most);
      stream.at += taken?.length ?? 0;
      stream.left -= taken?.length ?? 0;
      return taken;
    },
    close: response.close,
  };
  return stream;
}
