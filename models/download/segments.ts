// The next few segments of a file that comes over several connections: which connection fetches which, and how far each has come.

export interface Segment {
  /** Offset in the file of its first byte. */
  readonly start: number;
  readonly bytes: Uint8Array;
  /** Bytes of it that have come, from its start. */
  filled: number;
  taker: SegmentTaker | undefined;
  /** When the taker took it, on the clock of `performance.now()`. */
  taken_at: number;
}

/** A connection, as far as the segments know it. */
export interface SegmentTaker {
  /** The connection has had a response, so that the next one is not long in coming. */
  answered: boolean;
  /** Closes the connection, which then releases its segment. */
  cut(): void;
}

export type Segments = ReturnType<typeof createSegments>;

/** Cuts the bytes of a file from `from` up to `total` into segments of `size` bytes, of which `most` are in memory at a time. */
export function createSegments(from: number, total: number, size: number, most: number) {
  const open: Segment[] = [];
  const spare: Uint8Array[] = [];
  let change = Promise.withResolvers<void>();
  let next = from;

  const notify = (): void => {
    change.resolve();
    change = Promise.withResolvers();
  };
  const append = (): Segment | undefined => {
    if (next >= total || open.length >= most) return undefined;
    // Memory is used again: what is left to the garbage collector stays for a while.
    const bytes = (spare.pop() ?? new Uint8Array(size)).subarray(0, Math.min(size, total - next));
    const segment: Segment = { start: next, bytes, filled: 0, taker: undefined, taken_at: 0 };
    next += bytes.length;
    open.push(segment);
    return segment;
  };
  return {
    /** The first one that is not written yet, which may have no taker; undefined before the first `take`. */
    get front(): Segment | undefined {
      return open[0];
    },
    /** All bytes have come, though some may not be written. */
    get complete(): boolean {
      return next >= total && open.every(isComplete);
    },
    /** The first one without a taker, or the one at `at` of a taker that never had a response; undefined where memory is full. */
    take(taker: SegmentTaker, at?: number): Segment | undefined {
      const waiting = open.find((segment) => positionOf(segment) === at && segment.taker?.answered === false);
      const segment = waiting ?? open.find((segment) => !segment.taker && !isComplete(segment)) ?? append();
      if (segment) [segment.taker, segment.taken_at] = [taker, performance.now()];
      return segment;
    },
    /** Gives a segment back, unless another connection has taken it over. */
    release(segment: Segment, taker: SegmentTaker): void {
      if (segment.taker === taker) segment.taker = undefined;
      notify();
    },
    /** Removes the front one, which is written; its memory is used for another. */
    shift(): void {
      const [{ bytes }] = open.splice(0, 1) as [Segment];
      if (bytes.byteLength === size) spare.push(bytes);
      notify();
    },
    /** Resolves `changed` for all that wait for it. */
    notify,
    changed: (): Promise<void> => change.promise,
  };
}

export function isComplete({ filled, bytes }: Segment): boolean {
  return filled === bytes.length;
}

/** Offset in the file of the first byte that is missing. */
export function positionOf({ start, filled }: Segment): number {
  return start + filled;
}
