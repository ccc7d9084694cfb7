// When a download has its place, and when it leaves it to the next one: while it waits before another try, and where it hardly moves.
import { setTimeout as timer } from "node:timers/promises";
import type { DownloadOptions, DownloadProgress } from "../../models/sources/source.ts";
import type { DownloadPlaces } from "./download-places.ts";

export interface PlaceOptions {
  places: DownloadPlaces;
  /** The number of the download among those that wait for a place. */
  order: number;
  /** A number behind all that wait. */
  nextOrder(): number;
  /** Milliseconds in which a download has to move while others wait for its place. */
  slow_ms: number;
  options: DownloadOptions;
  signal: AbortSignal;
  /** Called with each place that the download gets, and where it goes on later without one. */
  onPlace(held: boolean): void;
}

/** Bytes in `slow_ms` that are enough to keep a place. */
const ENOUGH_BYTES = 1 << 20;

/** The steps of a download, however often it has to wait for its place. `fetch` goes on from what is here. Throws what that throws, and the signal's reason. */
export async function* fetchWithPlace(
  fetch: (options: DownloadOptions, signal: AbortSignal) => AsyncIterable<DownloadProgress>,
  place: PlaceOptions,
): AsyncGenerator<DownloadProgress, void> {
  const { places, nextOrder, slow_ms, options, signal, onPlace } = place;
  const { wait = (ms, signal) => timer(ms, undefined, { signal }) } = options;
  let { order } = place;

  for (;;) {
    const stay = new AbortController();
    let step: DownloadProgress | undefined;
    let moved = 0;
    let held = false;
    let look: ReturnType<typeof setInterval> | undefined;
    const leaveIfSlow = (): void => {
      const slow = moved < ENOUGH_BYTES && step?.checking !== true;
      if (slow && places.wanted) stay.abort(new Error("Another download has its place."));
      moved = 0;
    };
    const take = async (signal: AbortSignal): Promise<void> => {
      if (!places.tryTake()) await places.wait(order, signal);
      [held, moved, look] = [true, 0, setInterval(leaveIfSlow, slow_ms)];
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
      const either = AbortSignal.any([signal, stay.signal]);
      for await (const next of fetch({ ...options, wait: waitWithout }, either)) {
        moved += Math.max(0, next.bytes - (step?.bytes ?? 0));
        yield (step = next);
      }
      return;
    } catch (error) {
      if (signal.aborted || !stay.signal.aborted) throw error;
      order = nextOrder();
      onPlace(false);
    } finally {
      giveBack();
    }
  }
}
