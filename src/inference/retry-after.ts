// `Retry-After` of a full queue: as long as the queue takes to empty, by the time that requests held their slots.

/** The answer of a small model, until one was measured; in milliseconds. */
const GUESS_MS = 2_000;

/** The weight of the latest request in the average: after a dozen requests little is left of a load that took long. */
const WEIGHT = 0.2;

/** OpenAI's clients take a longer one for a mistake and try again within a second or so. */
const MOST_SECONDS = 60;

export function createRetryAfter() {
  let average: number | undefined;
  return {
    /** A request held its slot for so long; in milliseconds. */
    measured(ms: number): void {
      average = average === undefined ? ms : average + WEIGHT * (ms - average);
    },
    /** Whole seconds until so many requests have had one of so many slots, from 1 to 60. */
    seconds(requests: number, slots: number): number {
      const ms = (requests * (average ?? GUESS_MS)) / slots;
      return Math.min(MOST_SECONDS, Math.max(1, Math.ceil(ms / 1000)));
    },
  };
}
