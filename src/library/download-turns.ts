// When a download has its place, and when it leaves it to the next one: while it waits before another try, and where it hardly moves.
import { setTimeout as timer } from "node:timers/promises";
import type { DownloadOptions, DownloadProgress } from "../../models/sources/source.ts";
import type { DownloadPlaces } from "./download-places.ts";

export interface TurnOptions {
  places: DownloadPlaces;
  /** The number of the download among those that wait for a place. */
  order: number;
  /** A number behind all that wait. */
  nextOrder(): number;
  /** Milliseconds in which a download has to move while others wait for its place. */
  turn_ms: number;
  options: DownloadOptions;
  signal: AbortSignal;
  /** Called with each place that the download gets, and where it goes on later without one. */
  onPlace(held: boolean): void;
}

/** Bytes in `turn_ms` that are enough to keep a place. */
const ENOUGH_BYTES = 1 << 20;

/** The steps of a download, over all its turns. `fetch` goes on from what is here. Throws what that throws, and the signal's reason. */
export async function* fetchInTurns(
  fetch: (options: DownloadOptions, signal: AbortSignal) => AsyncIterable<DownloadProgress>,
  turns: TurnOptions,
): AsyncGenerator<DownloadProgress, void> {
  const { places, nextOrder, turn_ms, options, signal, onPlace } = turns;
  const { wait = (ms, signal) => timer(ms, undefined, { signal }) } = options;
  let { order } = turns;

  for (;;) {
    const turn = new AbortController();
    let step: DownloadProgress | undefined;
    let moved = 0;
    let held = false;
    let look: ReturnType<typeof setInterval> | undefined;
    const endIdleTurn = (): void => {
      const idle = moved < ENOUGH_BYTES && step?.checking !== true;
      if (idle && places.wanted) turn.abort(new Error("It is the turn of another download."));
      moved = 0;
    };
    const take = async (signal: AbortSignal): Promise<void> => {
      if (!places.tryTake()) await places.wait(order, signal);
      [held, moved, look] = [true, 0, setInterval(endIdleTurn, turn_ms)];
      onPlace(true);
    };
    const giveBack = (): void => {
      clearInterval(look);
      if (held) places.giveBack();
      held = false;
    };
    const waitWithout = async (ms: number, signal: AbortSignal): Promise<void> => {
      giveBack();
      onPlace(false);
      await wait(ms, signal);
      await take(signal);
    };
    try {
      await take(signal);
      const either = AbortSignal.any([signal, turn.signal]);
      for await (const next of fetch({ ...options, wait: waitWithout }, either)) {
        moved += Math.max(0, next.bytes - (step?.bytes ?? 0));
        yield (step = next);
      }
      return;
    } catch (error) {
      if (signal.aborted || !turn.signal.aborted) throw error;
      order = nextOrder();
      onPlace(false);
    } finally {
      giveBack();
    }
  }
}
