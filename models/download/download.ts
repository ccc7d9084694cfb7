// A file of a model from the first of its sources that gives the right bytes, fetched in a thread of its own: gigabytes that pass
// through the server's thread would delay its other requests (`bench:download`, columns "p99 idle" and "beside ingle").
import { addAbortListener } from "node:events";
import { Worker } from "node:worker_threads";
import { DownloadError } from "../download-errors.ts";
import type { DownloadThreadMessage, DownloadThreadOrder, DownloadThreadRequest } from "./download-thread.ts";
import { type DownloadRequest, fetchFile } from "./fetch-file.ts";
import type { ModelFile } from "../manifest.ts";
import type { DownloadOptions, DownloadProgress } from "../sources/source.ts";

/** Bytes; a smaller file is fetched in the calling thread. */
const THREAD_FROM_BYTES = 16 << 20;

/**
 * Fetches a file to `target` (an absolute path): resumed where an earlier call stopped, checked against size, sha256 and header, in
 * its place only when whole; answers its sha256 then. Ends at once when it is there. Throws `DownloadError` and the signal's reason; leaving or aborting keeps
 * the bytes that came over http for the next call.
 */
export function download(
  file: ModelFile,
  target: string,
  options: DownloadOptions,
  signal: AbortSignal,
): AsyncGenerator<DownloadProgress, string | undefined> {
  // A function cannot be handed to a thread; `wait` is called here when the thread asks for it.
  const { wait: _, ...others } = options;
  const bound = options.drivers !== undefined || Object.values(others).some((option) => typeof option === "function");
  const start = bound || (file.size ?? Infinity) < THREAD_FROM_BYTES ? fetchFile : fetchInThread;
  return start({ file, target, options }, signal);
}

async function* fetchInThread(
  { options, ...file }: DownloadRequest,
  signal: AbortSignal,
): AsyncGenerator<DownloadProgress, string | undefined> {
  signal.throwIfAborted();
  const { wait, ...cloneable } = options;
  const workerData: DownloadThreadRequest = { ...file, options: cloneable, waits_outside: wait !== undefined };
  const worker = new Worker(new URL("./download-thread.ts", import.meta.url), { workerData });
  const messages = readMessages(worker);
  const send = (order: DownloadThreadOrder): void => worker.postMessage(order);
  const stop = (): void => send("stop");
  const listener = addAbortListener(signal, stop);
  let ended = false;
  const next = async (): Promise<DownloadThreadMessage> => {
    const message = (await messages.read()).value!;
    ended = message.end === true;
    return message;
  };
  try {
    for (;;) {
      const { step, wait_ms, error, sha256 } = await next();
      if (ended) signal.throwIfAborted();
      if (step) yield step;
      if (wait_ms !== undefined) await wait!(wait_ms, signal).then(() => send("go on"));
      if (error) throw toError(error);
      if (ended) return sha256;
    }
  } finally {
    listener[Symbol.dispose]();
    if (!ended) stop();
    // The thread may hold the file until then, and another download may need it next.
    while (!ended) await next();
    await worker.terminate();
  }
}

/** The messages of a thread; one with `end` comes also when the thread dies. */
function readMessages(worker: Worker): ReadableStreamDefaultReader<DownloadThreadMessage> {
  const stream = new ReadableStream<DownloadThreadMessage>({
    start(controller) {
      const onDeath = (message: string): void => controller.enqueue({ end: true, error: { message } });
      worker.on("message", (message: DownloadThreadMessage) => controller.enqueue(message));
      worker.on("error", (error: Error) => onDeath(error.message));
      worker.on("exit", () => onDeath("The thread that downloads has ended."));
    },
  });
  return stream.getReader();
}

function toError({ message, public_message = message, ...error }: NonNullable<DownloadThreadMessage["error"]>): Error {
  const { download_code, retry_ms, code } = error;
  return download_code
    ? new DownloadError(download_code, message, { public_message, retry_ms })
    : Object.assign(new Error(message), { code });
}
