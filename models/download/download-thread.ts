// The thread of one download: fetches the file that it was started with, reports progress, and stops when it is told to.
import { addAbortListener } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { type DownloadCode, DownloadError } from "../download-errors.ts";
import { type DownloadRequest, fetchFile } from "./fetch-file.ts";
import { lowerPriority } from "./low-priority.ts";
import type { DownloadProgress } from "../sources/source.ts";

export interface DownloadThreadRequest extends DownloadRequest {
  /** Each wait before another try takes place in the thread that started this one. */
  waits_outside: boolean;
}

export type DownloadThreadOrder = "stop" | "go on";

export interface DownloadThreadMessage {
  step?: DownloadProgress;
  /** The order to go on is waited for, which is to come after so many milliseconds at least. */
  wait_ms?: number;
  /** The last message; without an error the file is there, or the download was stopped. */
  end?: true;
  /** Of the file that came. */
  sha256?: string | undefined;
  error?: {
    message: string;
    public_message?: string;
    download_code?: DownloadCode;
    retry_ms?: number | undefined;
    code?: string | undefined;
  };
}

const port = parentPort!;
const post = (message: DownloadThreadMessage): void => port.postMessage(message);
const stop = new AbortController();
let goOn = (): void => {};
port.on("message", (order: DownloadThreadOrder) => (order === "stop" ? stop.abort() : goOn()));

lowerPriority();
try {
  let posted: DownloadProgress | undefined;
  let step: DownloadProgress | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const postStep = (): void => {
    timer = undefined;
    if (step && step !== posted) post({ step: (posted = step) });
  };
  const { waits_outside, ...request } = workerData as DownloadThreadRequest;
  const wait = async (wait_ms: number, signal: AbortSignal): Promise<void> => {
    postStep();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listener = addAbortListener(signal, () => reject(signal.reason));
    goOn = resolve;
    post({ wait_ms });
    await promise.finally(() => listener[Symbol.dispose]());
  };
  if (waits_outside) request.options = { ...request.options, wait };
  const steps = fetchFile(request, stop.signal, true);
  let next = await steps.next();
  for (; !next.done; next = await steps.next()) {
    step = next.value;
    if (step.source !== posted?.source || step.problem !== posted.problem) postStep();
    timer ??= setTimeout(postStep, 50);
  }
  clearTimeout(timer);
  postStep();
  post({ end: true, sha256: next.value });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  const known = error instanceof DownloadError && {
    public_message: error.public_message,
    download_code: error.code,
    retry_ms: error.retry_ms,
  };
  post({ end: true, error: { message, ...(known || { code }) } });
}
