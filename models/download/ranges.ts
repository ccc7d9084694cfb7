// Further connections for a file that comes slowly over one: each fetches segments of it into memory, from where they are written in
// their order. So the part stays the beginning of the file, which the next download goes on from.
import { addAbortListener } from "node:events";
import type { DialResponse } from "./dial.ts";
import type { PartialFile } from "./partial-file.ts";
import { byteStreamOf, type ByteStream, type RangedFile, runRangeConnection } from "./range-connection.ts";
import { strongTag } from "./part-note.ts";
import { createSegments, positionOf } from "./segments.ts";
import { SourceError } from "../download-errors.ts";

/** When a file gets further connections, and what these may take. */
export type ParallelOptions = typeof DEFAULTS;

const DEFAULTS = {
  /** Bytes of the smallest file that gets them. */
  from_bytes: 64e6,
  /** Bytes per second from which on one connection is enough. */
  below_bytes_per_s: 40e6,
  /** Milliseconds of waiting for bytes over which the speed is measured. */
  after_ms: 3_000,
  /** Bytes of a segment; two more segments than there are further connections are in memory. */
  segment_bytes: 3 << 19,
  /** How many there are beside the first. */
  connections: 3,
};

/** A file that is being fetched over one connection. */
export interface ParallelTransfer extends RangedFile {
  part: PartialFile;
  /** The response on that connection, which has been read up to the bytes of the part. */
  response: DialResponse;
  parallel: Partial<ParallelOptions> | undefined;
}

/** Measures the first connection. Undefined where further ones are impossible or of no use. */
export function createSpeedMeter({ part, total, origin, response, parallel }: ParallelTransfer) {
  const { from_bytes, below_bytes_per_s, after_ms, segment_bytes, connections } = { ...DEFAULTS, ...parallel };
  const ranges = response.status === 206 || /\bbytes\b/i.test(response.headers.get("accept-ranges") ?? "");
  if (!ranges || strongTag(origin.etag) === undefined || total < from_bytes || connections < 1) return undefined;
  let [bytes, waited] = [0, 0];
  return {
    /** Only waiting counts: where the disk is slow, the bytes are there already. */
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
 * Fills the part to its end over several connections; a step for each write. A connection that fails before it fetched a segment is
 * not opened again, and the others fetch what it did not. Throws `SourceError` when none is left, the signal's reason, and what the
 * part throws. The caller aborts the signal when it leaves, which closes the connections.
 */
export async function* fetchInRanges(transfer: ParallelTransfer): AsyncGenerator<void> {
  const { part, total, signal } = transfer;
  const { segment_bytes, connections } = { ...DEFAULTS, ...transfer.parallel };
  part.join();
  const segments = createSegments(part.bytes, total, segment_bytes, connections + 2);
  let working = 0;
  let failure: unknown;
  const start = (stream?: ByteStream): void => {
    let useful = false;
    working++;
    runRangeConnection(transfer, segments, { isLast: () => working === 1, onSegment: () => (useful = true) }, stream)
      .catch((error) => {
        failure = error;
        // A connection that has worked may have broken by chance.
        if (useful && !signal.aborted) start();
      })
      .finally(() => (working--, segments.notify()));
  };
  addAbortListener(signal, segments.notify);
  start(byteStreamOf(transfer.response, part.bytes, total));
  for (let i = 0; i < connections; i++) start();
  while (part.bytes < total) {
    signal.throwIfAborted();
    const { front } = segments;
    const arrived = front?.bytes.subarray(part.bytes - front.start, front.filled);
    if (arrived?.length) {
      await part.write(arrived);
      yield;
    }
    if (front && part.bytes === front.start + front.bytes.length) segments.shift();
    else if (front && part.bytes < positionOf(front)) continue;
    else if (working === 0) throw withRetry(failure);
    else await segments.changed();
  }
}

/** Whether the file can still be had shows when the rest is requested over one connection again. */
function withRetry(failure: unknown): unknown {
  if (!(failure instanceof SourceError) || failure.retry_ms !== undefined) return failure;
  const { message, public_message } = failure;
  return new SourceError(message, { public_message, retry_ms: 0, cause: failure });
}
