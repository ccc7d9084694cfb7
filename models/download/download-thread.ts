// The thread of one download: fetches the file that it was started with, tells how far it is, and stops when told.
import { parentPort, workerData } from "node:worker_threads";
import { DownloadError } from "./download-error.ts";
import { fetchFile } from "./fetch-file.ts";
import { lowerPriority } from "./low-priority.ts";
import type { ModelFile } from "../manifest.ts";
import type { DownloadCode } from "../sources/source-error.ts";
import type { DownloadOptions, DownloadProgress } from "../sources/source.ts";

export interface DownloadThreadRequest {
  file: ModelFile;
  target: string;
  options: DownloadOptions;
}

export interface DownloadThreadMessage {
  step?: DownloadProgress;
  /** The last message; without an error the file is there, or the download was stopped. */
  end?: true;
  error?: { message: string; download_code?: DownloadCode; code?: string | undefined };
}

/** Between two steps that are told, in milliseconds. */
const EVERY_MS = 50;

const port = parentPort!;
const tell = (told: DownloadThreadMessage): void => port.postMessage(told);
const stop = new AbortController();
port.once("message", () => stop.abort());

lowerPriority();
const { file, target, options } = workerData as DownloadThreadRequest;
try {
  let told: DownloadProgress | undefined;
  let step: DownloadProgress | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tellStep = (): void => {
    timer = undefined;
    if (step && step !== told) tell({ step: (told = step) });
  };
  for await (step of fetchFile(file, target, options, stop.signal, true)) {
    if (step.source !== told?.source || step.problem !== told.problem) tellStep();
    timer ??= setTimeout(tellStep, EVERY_MS);
  }
  clearTimeout(timer);
  tellStep();
  tell({ end: true });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  tell({ end: true, error: error instanceof DownloadError ? { message, download_code: error.code } : { message, code } });
}
