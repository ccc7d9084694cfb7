// How long a client that is refused for a full queue is told to stay away: as long as the queue would take, by what was measured.

export interface RetryAfter {
  /** A turn held its slot for so long; in milliseconds. */
  measured(ms: number): void;
  /** Whole seconds until so many turns have had one of so many slots, from 1 to 60. */
  seconds(turns: number, slots: number): number;
}

/** A turn of a small model, for as long as none has ended; in milliseconds. */
const GUESS_MS = 2_000;

/** What the latest turn weighs in the average: after a dozen turns little is left of a load that took long. */
const WEIGHT = 0.2;

/** OpenAI's clients take a longer one for a mistake and come back within a second or so. */
const MOST_SECONDS = 60;

export function createRetryAfter(): RetryAfter {
  let average: number | undefined;
  return {
    measured(ms) {
      average = average === undefined ? ms : average + WEIGHT * (ms - average);
    },
    seconds(turns, slots) {
      const ms = (turns * (average ?? GUESS_MS)) / slots;
      return Math.min(MOST_SECONDS, Math.max(1, Math.ceil(ms / 1000)));
    },
  };
}
