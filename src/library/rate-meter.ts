// How fast a download is.
import type { DownloadProgress } from "../../models/sources/source.ts";

const RATE_OVER_MS = 5_000;

/** Bytes a second since a few seconds ago. What an earlier download had left was not fetched now. */
export function createRateMeter(): (step: DownloadProgress) => number {
  let samples: { at: number; bytes: number }[] = [];
  return ({ bytes }) => {
    const at = performance.now();
    // Fewer bytes than before: the job has turned to another source or file.
    if (bytes < (samples.at(-1)?.bytes ?? 0)) samples = [];
    if (at - (samples.at(-1)?.at ?? -Infinity) >= RATE_OVER_MS / 10) samples.push({ at, bytes });
    while (samples.length > 1 && at - samples[0]!.at > RATE_OVER_MS) samples.shift();
    const seconds = (at - samples[0]!.at) / 1000;
    return seconds > 0 ? Math.round((bytes - samples[0]!.bytes) / seconds) : 0;
  };
}
