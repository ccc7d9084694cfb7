// One policy for every request of a download job: what waiting may mend is tried again after pauses that grow, for a day.
import { DownloadError } from "../../models/download-errors.ts";
import type { DownloadOptions, DownloadProgress } from "../../models/sources/source.ts";

/** Milliseconds. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15 * 60_000;
/** Seconds for which a job that makes no progress is tried again. */
const GIVE_UP_AFTER = 24 * 3_600;
/** Bytes that count as progress, after which the pauses and the day begin anew. */
const PROGRESS = 65_536;

export interface RetryOptions {
  options: DownloadOptions;
  signal: AbortSignal;
  /** Seconds since 1970. */
  now: () => number;
  /** When the job first failed since it last made progress; undefined where it did not. Its record keeps that over a restart. */
  readFailingSince(): Promise<number | undefined>;
  /** Called before each pause. */
  onFailure(failing_since: number, error: DownloadError): Promise<void>;
}

/** The steps of a download, however often it has to be tried again. Throws what `fetch` throws where waiting mends nothing, or did not in a day. */
export async function* fetchWithRetries(
  fetch: (options: DownloadOptions, signal: AbortSignal) => AsyncIterable<DownloadProgress>,
  { options, signal, now, readFailingSince, onFailure }: RetryOptions,
): AsyncGenerator<DownloadProgress, void> {
  let failing_since: number | undefined;
  let furthest: number | undefined;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    let bytes = 0;
    try {
      for await (const step of fetch(options, signal)) {
        bytes = Math.max(bytes, step.bytes);
        yield step;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DownloadError) || error.retry_ms === undefined) throw error;
      const progress = furthest !== undefined && bytes - furthest >= PROGRESS;
      if (progress) [pause, failing_since] = [FIRST_PAUSE, now()];
      furthest = Math.max(furthest ?? 0, bytes);
      failing_since ??= (await readFailingSince()) ?? now();
      const ms = Math.max(pause, error.retry_ms);
      if (now() + ms / 1000 > failing_since + GIVE_UP_AFTER) throw error;
      await onFailure(failing_since, error);
      await options.wait!(ms, signal);
    }
  }
}
