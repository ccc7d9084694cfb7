// Metrics of download jobs. None of them names a model: each would be a series for ever.
import { createRegistry } from "../support/prometheus.ts";
import type { DownloadEvent } from "./download-event.ts";

const UNDER_WAY = ["queued", "downloading", "waiting"] as const;

/** `running`: the newest event of each job that has not ended. */
export function createDownloadMetrics(running: () => DownloadEvent[]) {
  const registry = createRegistry();
  const bytes = registry.counter("ingle_download_bytes_total", "Bytes that downloads have brought.", []);
  const ended = registry.counter("ingle_downloads_total", "Downloads that are over.", ["outcome", "code"]);
  registry.gauge("ingle_downloads", "Downloads that are not over.", ["state"], () => {
    const events = running();
    return UNDER_WAY.map((state) => [[state], events.filter((event) => event.state === state).length]);
  });
  bytes.add([], 0);
  return {
    /** Counts what `after` has more than `before`, but for what was here already: an earlier download had left it. */
    moved(before: DownloadEvent, after: DownloadEvent): void {
      if (!after.checking) bytes.add([], Math.max(0, after.bytes - Math.max(before.bytes, after.resumed_from ?? 0)));
    },
    ended: ({ state, error }: DownloadEvent): void => ended.add([state, error?.code ?? ""]),
    text: registry.text,
  };
}
