// The header of a model file that is on its way: what is no model is found by its first megabytes, before the gigabytes behind them come.
import { DownloadError } from "../../models/download-errors.ts";
import { type GgufHeader, readGguf, withGgufFile } from "../../models/gguf/header.ts";
import type { DownloadProgress } from "../../models/sources/source.ts";

/** Bytes after which the header is first looked for; then each time after twice as many. */
const FIRST_LOOK = 1 << 20;

/**
 * To be called with each step of a file that comes to `path`. Throws `DownloadError` where its header is there and `whyRefused` says a
 * sentence; what is wrong with the file otherwise is found at its end.
 */
export function createHeaderCheck(path: string, whyRefused: (header: GgufHeader) => string | undefined) {
  let next = FIRST_LOOK;
  return async ({ bytes, total, checking }: DownloadProgress): Promise<void> => {
    if (bytes < next || checking === true) return;
    next = 2 * bytes;
    const header = await withGgufFile(`${path}.part`, (read) => readGguf(read, total)).catch(() => undefined);
    if (header === undefined) return;
    next = Infinity;
    const fault = whyRefused(header);
    if (fault !== undefined) throw new DownloadError("download_failed", fault);
  };
}
