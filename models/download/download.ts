// A file of a model from the first of its sources that gives the right bytes, fetched in a thread of its own: gigabytes that pass
// through the server's thread would make everybody else wait.
import { Worker } from "node:worker_threads";
import { DownloadError } from "./download-error.ts";
import type { DownloadThreadRequest, DownloadThreadMessage } from "./download-thread.ts";
import { fetchFile } from "./fetch-file.ts";
import type { ModelFile } from "../manifest.ts";
import type { DownloadOptions, DownloadProgress } from "../sources/source.ts";

export { DownloadError };

/** Smaller files have come before a thread has started. */
const WORTH_A_THREAD = 16 << 20;

/**
 * Fetches a file to `target` (an absolute path): resumed where an earlier call stopped, checked against size, sha256 and header, in
 * its place only when whole. Ends at once when it is there. Throws `DownloadError` and the signal's reason; leaving or aborting keeps
 * the bytes that came over http for the next call.
 */
export function download(
  file: ModelFile,
  target: string,
  options: DownloadOptions,
  signal: AbortSignal,
): AsyncGenerator<DownloadProgress, void> {
  // A function cannot be handed to a thread.
  const bound = options.drivers !== undefined || Object.values(options).some((option) => typeof option === "function");
  return bound || (file.size ?? Infinity) < WORTH_A_THREAD
    ? fetchFile(file, target, options, signal)
    : inThread({ file, target, options }, signal);
}

async function* inThread(job: DownloadThreadRequest, signal: AbortSignal): AsyncGenerator<DownloadProgress, void> {
  signal.throwIfAborted();
  const worker = new Worker(new URL("./download-thread.ts", import.meta.url), { workerData: job });
  const told = inbox(worker);
  const stop = (): void => worker.postMessage("stop");
  signal.addEventListener("abort", stop, { once: true });
  let over = false;
  try {
    while (!over) {
      const { step, error, end } = await told.next();
      over = end === true;
      if (over) signal.throwIfAborted();
      if (step) yield step;
      if (error) throw errorOf(error);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    if (!over) stop();
    // Until it has let go of the file, which somebody else may fetch next.
    while (!over) over = (await told.next()).end === true;
    await worker.terminate();
  }
}

/** What a thread tells, the newest step only; ends with `end`, also when the thread dies. */
function inbox(worker: Worker): { next(): Promise<DownloadThreadMessage> } {
  let told: DownloadThreadMessage | undefined;
  let wake = (): void => {};
  const put = (more: DownloadThreadMessage): void => {
    // A step that nobody has taken is outdated, but for the reason why a source was given up.
    const problem = more.step?.problem ?? told?.step?.problem;
    const step = more.step && { ...more.step, ...(problem !== undefined && { problem }) };
    if (!told?.end) told = { ...told, ...more, ...(step && { step }) };
    wake();
  };
  const died = (message: string) => put({ end: true, error: { message } });
  worker.on("message", put);
  worker.on("error", (error: Error) => died(error.message));
  worker.on("exit", () => died("The thread that downloads has ended."));
  return {
    async next() {
      while (told === undefined) await new Promise<void>((resolve) => (wake = resolve));
      const taken = told;
      if (!taken.end) told = undefined;
      return taken;
    },
  };
}

function errorOf({ message, download_code, code }: NonNullable<DownloadThreadMessage["error"]>): Error {
  return download_code ? new DownloadError(download_code, message) : Object.assign(new Error(message), { code });
}
