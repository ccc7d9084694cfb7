// The thread of one download: fetches the file that it was started with, reports progress, and stops at the first message.
import { parentPort, workerData } from "node:worker_threads";
import { type DownloadCode, DownloadError } from "../download-errors.ts";
import { type DownloadRequest, fetchFile } from "./fetch-file.ts";
import { lowerPriority } from "./low-priority.ts";
import type { DownloadProgress } from "../sources/source.ts";

export interface DownloadThreadMessage {
  step?: DownloadProgress;
  /** The last message; without an error the file is there, or the download was stopped. */
  end?: true;
  /** Of the file that came. */
  sha256?: string | undefined;
  error?: { message: string; public_message?: string; download_code?: DownloadCode; code?: string | undefined };
}

const port = parentPort!;
const post = (message: DownloadThreadMessage): void => port.postMessage(message);
const stop = new AbortController();
port.once("message", () => stop.abort());

lowerPriority();
try {
  let posted: DownloadProgress | undefined;
  let step: DownloadProgress | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const postStep = (): void => {
    timer = undefined;
    if (step && step !== posted) post({ step: (posted = step) });
  };
  const steps = fetchFile(workerData as DownloadRequest, stop.signal, true);
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
  const known = error instanceof DownloadError && { public_message: error.public_message, download_code: error.code };
  post({ end: true, error: { message, ...(known || { code }) } });
}
