// The next few segments of a file that comes over several connections: who fetches which, and what has come of each.

export interface Segment {
  /** Offset in the file of its first byte. */
  readonly start: number;
  readonly bytes: Uint8Array;
  /** Bytes of it that have come, from its start. */
  filled: number;
  taker: SegmentTaker | undefined;
  /** When it was taken, on the clock of `performance.now()`. */
  taken: number;
}

/** A connection, as far as the segments know it. */
export interface SegmentTaker {
  /** It has had an answer, so that the next one is not long in coming. */
  answered: boolean;
  /** Closes the connection, which then gives its segment back. */
  cut(): void;
}

export interface Segments {
  /** The first one that is not written yet, which may have no taker; undefined while nobody took any. */
  readonly front: Segment | undefined;
  /** Everything has come, though it may not be written. */
  readonly complete: boolean;
  /**
   * The first one that nobody fetches; the one at `at` also from a taker that never had an answer. Undefined where all that fit in memory
   * are taken.
   */
  take(taker: SegmentTaker, at?: number): Segment | undefined;
  /** Puts it back unless it is whole or somebody else's by now. */
  release(segment: Segment, taker: SegmentTaker): void;
  /** The front one is written, and its memory free for another. */
  shift(): void;
  /** Tells all who wait for `changed`. */
  ring(): void;
  changed(): Promise<void>;
}

/** Cuts the bytes of a file from `from` up to `total` into segments of `size` bytes, of which `most` are in memory at a time. */
export function createSegments(from: number, total: number, size: number, most: number): Segments {
  const line: Segment[] = [];
  const spare: Uint8Array[] = [];
  let bell = Promise.withResolvers<void>();
  let next = from;

  const ring = (): void => {
    bell.resolve();
    bell = Promise.withResolvers();
  };
  const append = (): Segment | undefined => {
    if (next >= total || line.length >= most) return undefined;
    // The same memory again and again: what the garbage collector is left to free stays for a while.
    const bytes = (spare.pop() ?? new Uint8Array(size)).subarray(0, Math.min(size, total - next));
    const segment: Segment = { start: next, bytes, filled: 0, taker: undefined, taken: 0 };
    next += bytes.length;
    line.push(segment);
    return segment;
  };
  return {
    get front() {
      return line[0];
    },
    get complete() {
      return next >= total && line.every(isComplete);
    },
    take(taker, at) {
      const waiting = line.find((segment) => positionOf(segment) === at && segment.taker?.answered === false);
      const segment = waiting ?? line.find((segment) => !segment.taker && !isComplete(segment)) ?? append();
      if (segment) [segment.taker, segment.taken] = [taker, performance.now()];
      return segment;
    },
    release(segment, taker) {
      if (segment.taker === taker) segment.taker = undefined;
      ring();
    },
    shift() {
      const [{ bytes }] = line.splice(0, 1) as [Segment];
      if (bytes.byteLength === size) spare.push(bytes);
      ring();
    },
    ring,
    changed: () => bell.promise,
  };
}

export function isComplete({ filled, bytes }: Segment): boolean {
  return filled === bytes.length;
}

/** Offset in the file of the first byte that is missing. */
export function positionOf({ start, filled }: Segment): number {
  return start + filled;
}
