// Downloads in the background: one job a model, however many clients ask for it and follow its events.
import { addAbortListener } from "node:events";
import { setTimeout as timer } from "node:timers/promises";
import type { DownloadError } from "../../models/download-errors.ts";
import { problemOf } from "../../models/download/failure-words.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";
import type { Model } from "../../models/manifest.ts";
import type { PendingModel } from "../../models/pending-model.ts";
import { ApiError } from "../http/errors.ts";
import { noDownload } from "../http/not-found.ts";
import { type DownloadEvent, endOf, isUnderWay } from "./download-event.ts";
import { createDownloadMetrics } from "./download-metrics.ts";
import { createDownloadPlaces } from "./download-places.ts";
import { fetchWithPlace } from "./fetch-with-place.ts";
import { fetchWithRetries } from "./fetch-with-retries.ts";
import { totalBytes } from "../../models/model-files.ts";
import type { Library } from "./library.ts";
import type { DownloadPlan } from "./pending-models.ts";
import { createRateMeter } from "./rate-meter.ts";
import type { Log } from "../support/log/log.ts";
import type { Collection } from "../storage/collection.ts";
import { unavailable } from "../storage/faults.ts";

export interface DownloadJobs {
  /**
   * Starts the job of a model, or joins it; `there` when nothing is to be fetched. The job is kept, and queued or under way, when this
   * resolves. Throws what `Library.planDownload` throws, and 503 while the server stops.
   */
  start(id: string): Promise<"started" | "running" | "there">;
  /** State of the job that runs, else of the last one, unless that was done. */
  state(id: string): DownloadEvent["state"] | undefined;
  /**
   * The job from now on: one event at once, then the newest one a few times a second, and at last one that is none of `queued`,
   * `waiting` and `downloading`.
   * Ends early when `signal` is aborted. Throws what `Library.planDownload` throws, and 404 `download_not_found` where none was started.
   */
  events(id: string, signal: AbortSignal): AsyncGenerator<DownloadEvent, void>;
  /** Stops the job, also a queued one, and keeps its bytes. Resolves when it has ended; false when none was stopped. */
  cancel(id: string): Promise<boolean>;
  /** Goes on with the jobs that an earlier server was at or had queued, in their order. */
  resume(): Promise<void>;
  /** Stops all jobs, as the storage is away: they are `queued`, and their bytes are kept, until `unsuspend`. */
  suspend(): void;
  /** Goes on with what `suspend` has stopped. */
  unsuspend(): void;
  /** Stops all jobs and keeps their bytes; the next server goes on with them. */
  close(): Promise<void>;
  /** In Prometheus' text format. */
  metrics(): string;
}

export interface DownloadJobsOptions {
  library: Pick<Library, "planDownload" | "install" | "get">;
  /** Where the jobs are kept. */
  records: Collection<PendingModel>;
  /** Seconds since 1970. */
  now: () => number;
  options: DownloadOptions;
  log: Log;
  /** How many jobs run at a time; absent: 2. */
  most?: number;
  /** Milliseconds in which a job has to move while others wait for its place; absent: a minute. */
  slow_ms?: number;
  /** Called when a job has brought its model. */
  onInstalled?: (model: Model) => void;
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

export function createDownloadJobs({
  library,
  records,
  most = 2,
  slow_ms = 60_000,
  options,
  now,
  log,
  onInstalled,
  every_ms = 250,
}: DownloadJobsOptions): DownloadJobs {
  const places = createDownloadPlaces(most);
  const { wait: pause = (ms, signal) => timer(ms, undefined, { signal }) } = options;
  let last_order = 0;
  /** Grows with time, also from one server to the next. */
  const nextOrder = (): number => (last_order = Math.max(last_order + 1, now() * 1000));
  const running = new Map<string, DownloadJob>();
  const last = new Map<string, DownloadEvent>();
  const metrics = createDownloadMetrics(() => [...running.values()].map(({ event }) => event));
  let storage = createSuspension();
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
      const order = nextOrder();
      const recorded = recordStart(id, plan, order);
      startJob(id, order, recorded);
      await recorded;
      return "started";
    },
    async resume() {
      for (const { stop, ended } of running.values()) if (stop.signal.aborted) await ended;
      const jobs = await records.getMany(await records.ids());
      const orderOf = ({ queued_at, created_at }: PendingModel): number => queued_at ?? created_at * 1000;
      for (const job of jobs.toSorted((a, b) => orderOf(a) - orderOf(b))) {
        if (job.state === "downloading" && !running.has(job.id) && !closed) startJob(job.id, nextOrder());
      }
    },
    state: (id) => (running.get(id)?.event ?? last.get(id))?.state,
    async *events(id, signal) {
      const job = running.get(id);
      if (job === undefined) return yield last.get(id) ?? (await readEarlierEnd(id)) ?? doneEvent(await findInstalled(id));
      for (let sent: DownloadEvent | undefined; !signal.aborted; await waitForEvent(job, signal)) {
        if (job.event !== sent) yield (sent = job.event);
        if (!isUnderWay(sent)) return;
      }
    },
    async cancel(id) {
      const job = running.get(id);
      if (job === undefined) return false;
      job.stop.abort(new Error("The download was cancelled."));
      await job.ended;
      return job.event.state === "cancelled";
    },
    suspend: () => storage.away.abort(unavailable("The storage cannot be reached.")),
    unsuspend() {
      const { back } = storage;
      storage = createSuspension();
      back.resolve();
    },
    async close() {
      closed = true;
      for (const { stop } of running.values()) stop.abort(new Error("The server is stopping."));
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
    metrics: metrics.text,
  };

  /** Records the job, so that the next server goes on with it. */
  async function recordStart(id: string, { model, reference }: DownloadPlan, queued_at: number): Promise<void> {
    const known = { id, object: "model.download" as const, created_at: now(), model, ...(reference && { reference }) };
    await records.patch(id, (record) => ({ ...withoutError(record), state: "downloading", queued_at }), {
      ...known,
      state: "added",
    });
  }

  /** Records how the job ended, for the next server; what cannot be written now is found out then. */
  async function recordEnd(id: string, { state, error }: DownloadEvent): Promise<void> {
    if (closed || (state !== "cancelled" && state !== "failed")) return;
    await records
      .patch(id, (record) => ({ ...withoutError(record), state, ...(error && { error }) }))
      .catch((cause) => log.warn("the end of a download was not noted", { model: id, cause }));
  }

  /** No byte is asked for until the start is `recorded`. */
  function startJob(id: string, order: number, recorded = Promise.resolve()): void {
    const event: DownloadEvent = { model_id: id, state: "queued", bytes: 0, rate: 0, source: "" };
    const job: DownloadJob = { event, stop: new AbortController(), ended: Promise.resolve(), waiting: new Set() };
    last.delete(id);
    running.set(id, job);
    job.ended = runJob(id, job, order, recorded);
  }

  /** Never throws: the event says how the job ended. */
  async function runJob(id: string, job: DownloadJob, order: number, recorded: Promise<void>): Promise<void> {
    for (let ended = false; !ended;) {
      const { away, back } = storage;
      try {
        await recorded;
        const either = AbortSignal.any([job.stop.signal, away.signal]);
        either.throwIfAborted();
        await transfer(id, job, order, either);
        const installed = await findInstalled(id);
        job.event = { ...job.event, ...doneEvent(installed), source: job.event.source };
        ended = true;
        onInstalled?.(installed);
      } catch (error) {
        const end = endOf(job.event, error, job.stop.signal.aborted);
        // A change looks for the storage, which may be why the transfer failed; then its record still says that it runs.
        if (!away.signal.aborted || job.stop.signal.aborted) await recordEnd(id, end);
        ended = !away.signal.aborted || job.stop.signal.aborted;
        job.event = ended ? end : { ...job.event, state: "queued", rate: 0 };
        if (end.state === "failed" && ended) log.error("download failed", { model: id, cause: error });
        if (ended) remember(end);
        else await Promise.race([back.promise, abortOf(job.stop.signal)]);
      }
    }
    running.delete(id);
    metrics.ended(job.event);
    for (const wake of job.waiting) wake();
  }

  /** Fetches the model, and says in the events of the job how far that is. Throws what `Library.install` throws, and the signal's reason. */
  async function transfer(id: string, job: DownloadJob, order: number, signal: AbortSignal): Promise<void> {
    const rate = createRateMeter();
    const onPlace = (held: boolean): void => {
      job.event = { ...job.event, state: held ? "downloading" : "queued", rate: 0 };
    };
    const onFailure = async (failing_since: number, error: DownloadError): Promise<void> => {
      const { owner_problem: _, ...event } = job.event;
      job.event = { ...event, ...problemOf(error) };
      log.warn("download waits before another try", { model: id, cause: error });
      await records.patch(id, (record) => ({ ...record, failing_since }));
    };
    const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
      job.event = { ...job.event, state: "waiting", retry_at: Math.ceil(now() + ms / 1000) };
      await pause(ms, signal);
      const { retry_at: _, ...event } = job.event;
      job.event = { ...event, state: "queued" };
    };
    const readFailingSince = async () => (await records.get(id))?.failing_since;
    const install = (options: DownloadOptions, signal: AbortSignal) => library.install(id, options, signal);
    const fetch = (options: DownloadOptions, signal: AbortSignal) =>
      fetchWithRetries(install, { options, signal, now, readFailingSince, onFailure });
    const place = { places, order, nextOrder, slow_ms, options: { ...options, wait }, signal, onPlace };
    for await (const step of fetchWithPlace(fetch, place)) {
      // A listener gets few of many steps: what only the first one of a source says stays.
      const { source, problem, owner_problem } = job.event;
      const is_said = source === step.source && step.problem === undefined;
      const before = is_said && problem !== undefined ? { problem, ...(owner_problem && { owner_problem }) } : {};
      const event: DownloadEvent = { model_id: id, state: "downloading", ...before, ...step, rate: rate(step) };
      metrics.moved(job.event, event);
      job.event = event;
    }
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

  /** A model whose files are here. Throws 404 for another one. */
  async function findInstalled(id: string): Promise<Model> {
    if ((await library.planDownload(id)) !== undefined) throw noDownload(id);
    return (await library.get(id))!;
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

/** Signal of the storage's absence, and the promise of its return. */
const createSuspension = () => ({ away: new AbortController(), back: Promise.withResolvers<void>() });

/** Resolves with the abort. */
function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => void addAbortListener(signal, () => resolve()));
}

/** Without the reason of an earlier end, and without the time of an earlier failure. */
function withoutError(record: PendingModel): PendingModel {
  const copy = { ...record };
  delete copy.error;
  delete copy.failing_since;
  return copy;
}

/** The event of a model that is installed, however it came here. */
function doneEvent({ id, files }: Model): DownloadEvent {
  const bytes = totalBytes(files);
  return { model_id: id, state: "done", bytes, total: bytes, rate: 0, source: "" };
}
