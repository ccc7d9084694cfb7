// Downloads in the background: one job a model, however many clients ask for it and follow its events.
import { addAbortListener } from "node:events";
import { DownloadError } from "../../models/download-errors.ts";
import type { DownloadOptions, DownloadProgress } from "../../models/sources/source.ts";
import type { PendingModel } from "../../models/pending-model.ts";
import { ApiError, toApiError } from "../http/errors.ts";
import { noDownload } from "../http/not-found.ts";
import { totalBytes } from "./fetch-files.ts";
import type { Library } from "./library.ts";
import type { DownloadPlan } from "./pending-models.ts";
import type { Log } from "../support/log.ts";
import type { Collection } from "../storage/collection.ts";

export interface DownloadEvent {
  model_id: string;
  state: "downloading" | "done" | "failed" | "cancelled";
  /** Bytes that are on disk. */
  bytes: number;
  /** Bytes of the whole; absent while unknown. */
  total?: number;
  /** Bytes a second, over the last seconds. */
  rate: number;
  /** Where the bytes come from, in words; empty while none was asked. */
  source: string;
  /** Bytes that an earlier download had left. */
  resumed_from?: number;
  /** Why the source before this one was given up. */
  problem?: string;
  /** Why it failed. `owner_message`: what the owner is told instead. */
  error?: { message: string; code: string | null; owner_message?: string | undefined };
}

export interface DownloadJobs {
  /**
   * Starts the job of a model, or joins it; `there` when nothing is to be fetched. Throws what `Library.planDownload` throws, and 503
   * while the server stops.
   */
  start(id: string): Promise<"started" | "running" | "there">;
  /** State of the job that runs, else of the last one, unless that was done. */
  state(id: string): DownloadEvent["state"] | undefined;
  /**
   * The job from now on: one event at once, then the newest one a few times a second, and at last one that is not `downloading`.
   * Ends early when `signal` is aborted. Throws what `Library.planDownload` throws, and 404 `download_not_found` where none was started.
   */
  events(id: string, signal: AbortSignal): AsyncGenerator<DownloadEvent, void>;
  /** Stops the job and keeps its bytes. Resolves when it has ended; false when none was stopped. */
  cancel(id: string): Promise<boolean>;
  /** Goes on with the jobs that an earlier server was at. */
  resume(): Promise<void>;
  /** Stops all jobs and keeps their bytes; the next server goes on with them. */
  close(): Promise<void>;
}

export interface DownloadJobsOptions {
  library: Pick<Library, "planDownload" | "install" | "get">;
  /** Where the jobs are kept. */
  records: Collection<PendingModel>;
  /** Seconds since 1970. */
  now: () => number;
  options: DownloadOptions;
  log: Log;
  /** Between two events of one listener, in milliseconds. */
  every_ms?: number;
}

interface DownloadJob {
  event: DownloadEvent;
  stop: AbortController;
  /** Resolves when it has ended, however it did. */
  ended: Promise<void>;
  /** Listeners that wait; each is called at the end. */
  waiting: Set<() => void>;
}

/** How many jobs that failed or were stopped are remembered. */
const MOST_REMEMBERED = 100;

export function createDownloadJobs({ library, records, options, now, log, every_ms = 250 }: DownloadJobsOptions): DownloadJobs {
  const running = new Map<string, DownloadJob>();
  const last = new Map<string, DownloadEvent>();
  let closed = false;

  return {
    async start(id) {
      // One that is being stopped is not joined.
      while (running.get(id)?.stop.signal.aborted) await running.get(id)!.ended;
      if (running.has(id)) return "running";
      const plan = await library.planDownload(id);
      if (plan === undefined) return "there";
      if (closed) throw new ApiError(503, "The server is stopping.", { code: "server_stopping" });
      // Another request was faster.
      if (running.has(id)) return "running";
      const recorded = recordStart(id, plan);
      startJob(id, recorded);
      await recorded;
      return "started";
    },
    async resume() {
      const jobs = await records.getMany(await records.ids());
      for (const { id, state } of jobs) if (state === "downloading" && !running.has(id) && !closed) startJob(id);
    },
    state: (id) => (running.get(id)?.event ?? last.get(id))?.state,
    async *events(id, signal) {
      const job = running.get(id);
      if (job === undefined) return yield last.get(id) ?? (await readEarlierEnd(id)) ?? (await installedEvent(id));
      for (let sent: DownloadEvent | undefined; !signal.aborted; await waitForEvent(job, signal)) {
        if (job.event !== sent) yield (sent = job.event);
        if (sent.state !== "downloading") return;
      }
    },
    async cancel(id) {
      const job = running.get(id);
      if (job === undefined) return false;
      job.stop.abort(new Error("The download was cancelled."));
      await job.ended;
      return job.event.state === "cancelled";
    },
    async close() {
      closed = true;
      for (const { stop } of running.values()) stop.abort(new Error("The server is stopping."));
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
  };

  /** Records the job, so that the next server goes on with it. */
  async function recordStart(id: string, { model, reference }: DownloadPlan): Promise<void> {
    const known = { id, object: "model.download" as const, created_at: now(), model, ...(reference && { reference }) };
    await records.patch(id, (record) => ({ ...withoutError(record), state: "downloading" }), { ...known, state: "added" });
  }

  /** Records how the job ended, for the next server; what cannot be written now is found out then. */
  async function recordEnd(id: string, { state, error }: DownloadEvent): Promise<void> {
    if (closed || state === "done" || state === "downloading") return;
    await records
      .patch(id, (record) => ({ ...withoutError(record), state, ...(error && { error }) }))
      .catch((cause) => log.warn("the end of a download was not noted", { model: id, cause }));
  }

  /** No byte is asked for until the start is `recorded`. */
  function startJob(id: string, recorded = Promise.resolve()): void {
    const event: DownloadEvent = { model_id: id, state: "downloading", bytes: 0, rate: 0, source: "" };
    const job: DownloadJob = { event, stop: new AbortController(), ended: Promise.resolve(), waiting: new Set() };
    last.delete(id);
    running.set(id, job);
    job.ended = runJob(id, job, recorded);
  }

  /** Never throws: the event says how the job ended. */
  async function runJob(id: string, job: DownloadJob, recorded: Promise<void>): Promise<void> {
    const rate = createRateMeter();
    try {
      await recorded;
      for await (const step of library.install(id, options, job.stop.signal)) {
        // A listener gets few of many steps: what only the first one of a source says stays.
        const { source, problem } = job.event;
        const before = source === step.source && problem !== undefined ? { problem } : {};
        job.event = { model_id: id, state: "downloading", ...before, ...step, rate: rate(step) };
      }
      job.event = { ...job.event, ...(await installedEvent(id)), source: job.event.source };
    } catch (error) {
      const end = job.stop.signal.aborted ? { state: "cancelled" as const } : { state: "failed" as const, error: errorOf(error) };
      job.event = { ...job.event, ...end, rate: 0 };
      if (end.state === "failed") log.error("download failed", { model: id, cause: error });
      remember(job.event);
    }
    await recordEnd(id, job.event);
    running.delete(id);
    for (const wake of job.waiting) wake();
  }

  function remember(event: DownloadEvent): void {
    last.set(event.model_id, event);
    const [oldest] = last.keys();
    if (last.size > MOST_REMEMBERED) last.delete(oldest!);
  }

  /** The end of a job of an earlier server. */
  async function readEarlierEnd(id: string): Promise<DownloadEvent | undefined> {
    const { state, error } = (await records.get(id)) ?? {};
    if (state !== "cancelled" && state !== "failed") return undefined;
    return { model_id: id, state, bytes: 0, rate: 0, source: "", ...(error && { error }) };
  }

  /** The event of a model that is installed, however it came here. */
  async function installedEvent(id: string): Promise<DownloadEvent> {
    if ((await library.planDownload(id)) !== undefined) throw noDownload(id);
    const { files } = (await library.get(id))!;
    const bytes = totalBytes(files);
    return { model_id: id, state: "done", bytes, total: bytes, rate: 0, source: "" };
  }

  /** Waits until the next event is due, the job ends or the listener leaves. */
  async function waitForEvent({ waiting }: DownloadJob, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, every_ms);
    waiting.add(resolve);
    const listener = addAbortListener(signal, () => resolve());
    await promise;
    clearTimeout(timer);
    waiting.delete(resolve);
    listener[Symbol.dispose]();
  }
}

/** Without the reason of an earlier end. */
function withoutError(record: PendingModel): PendingModel {
  const copy = { ...record };
  delete copy.error;
  return copy;
}

const RATE_OVER_MS = 5_000;

/** Bytes a second since a few seconds ago. What an earlier download had left was not fetched now. */
function createRateMeter(): (step: DownloadProgress) => number {
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

function errorOf(error: unknown): NonNullable<DownloadEvent["error"]> {
  const {
    message,
    code,
    owner_message = message,
  } = error instanceof DownloadError
    ? { message: error.public_message, code: error.code, owner_message: error.message }
    : toApiError(error);
  return { message, code, ...(owner_message !== message && { owner_message }) };
}
