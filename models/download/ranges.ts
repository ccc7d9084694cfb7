// Further connections for a file that comes slowly over one: each fetches segments of it into memory, from where they are written in
// their order. So the part stays what it always is, the beginning of the file, and everything about it stays as it is.
import type { DialResponse } from "./dial-response.ts";
import type { PartialFile } from "./partial-file.ts";
import { runRangeConnection, byteStreamOf, type ByteStream, type RangedFile } from "./range-connection.ts";
import { positionOf, createSegments } from "./segments.ts";
import { SourceError } from "../sources/source-error.ts";

/** When a file gets further connections, and what these may take. */
export interface ParallelOptions {
  /** Bytes of the smallest file that gets them. Default 64 MB. */
  from_bytes: number;
  /** Bytes per second from which on one connection is enough: more of them only cost computing time there. Default 40 MB. */
  below_bytes_per_s: number;
  /** Milliseconds of waiting for bytes over which the speed is measured. Default 3,000. */
  after_ms: number;
  /** Bytes that are asked for at a time; two more than there are further connections are in memory. Default 1.5 MiB. */
  segment_bytes: number;
  /** How many there are beside the first. Default 3. */
  connections: number;
}

const USUAL: ParallelOptions = {
  from_bytes: 64e6,
  below_bytes_per_s: 40e6,
  after_ms: 3_000,
  segment_bytes: 3 << 19,
  connections: 3,
};

/** A file that is being fetched over one connection. */
export interface ParallelTransfer extends RangedFile {
  part: PartialFile;
  /** Of that connection, which has been read up to the bytes of the part. */
  response: DialResponse;
  parallel: Partial<ParallelOptions> | undefined;
}

/** Measures the first connection. Undefined where further ones are impossible or not worth it. */
export function createSpeedMeter({ part, total, etag, response: answer, parallel }: ParallelTransfer) {
  const { from_bytes, below_bytes_per_s, after_ms, segment_bytes, connections } = { ...USUAL, ...parallel };
  const ranges = answer.status === 206 || /\bbytes\b/i.test(answer.headers.get("accept-ranges") ?? "");
  if (!ranges || !etag?.startsWith('"') || total < from_bytes || connections < 1) return undefined;
  let [bytes, waited] = [0, 0];
  return {
    /** Only the waiting counts: where the disk is what is slow, the bytes are there already. */
    count(ms: number, length: number): void {
      waited += ms;
      bytes += length;
    },
    isSlow(): boolean {
      if (waited < after_ms || total - part.bytes < 2 * segment_bytes) return false;
      const rate = bytes / (waited / 1000);
      [bytes, waited] = [0, 0];
      return rate < below_bytes_per_s;
    },
  };
}

/**
 * Fills the part to its end over several connections; a step for each write. One that fails before it was of use is not opened again, and
 * the others fetch what it did not. Throws `SourceError` when none is left, the signal's reason, and what the part throws. Whoever
 * leaves early closes the connections by aborting the signal.
 */
export async function* fetchInRanges(split: ParallelTransfer): AsyncGenerator<void> {
  const { part, total, signal } = split;
  const { segment_bytes, connections } = { ...USUAL, ...split.parallel };
  const segments = createSegments(part.bytes, total, segment_bytes, connections + 2);
  let working = 0;
  let failure: unknown;
  const start = (stream?: ByteStream): void => {
    let useful = false;
    working++;
    runRangeConnection(split, segments, { isLast: () => working === 1, onSegment: () => (useful = true) }, stream)
      .catch((error) => {
        failure = error;
        // One that has worked may have broken by chance.
        if (useful && !signal.aborted) start();
      })
      .finally(() => (working--, segments.ring()));
  };
  signal.addEventListener("abort", segments.ring, { once: true });
  start(byteStreamOf(split.response, part.bytes, total));
  for (let i = 0; i < connections; i++) start();
  while (part.bytes < total) {
    signal.throwIfAborted();
    const { front } = segments;
    const come = front?.bytes.subarray(part.bytes - front.start, front.filled);
    if (come?.length) {
      await part.write(come);
      yield;
    }
    if (front && part.bytes === front.start + front.bytes.length) segments.shift();
    else if (front && part.bytes < positionOf(front)) continue;
    else if (working === 0) throw reasonOf(failure);
    else await segments.changed();
  }
}

function reasonOf(failure: unknown): unknown {
  // Whether there is a way on shows when it is asked for the rest as before.
  const retried = failure instanceof SourceError && failure.retry_ms === undefined;
  return retried ? new SourceError(failure.message, { retry_ms: 0, cause: failure }) : failure;
}
