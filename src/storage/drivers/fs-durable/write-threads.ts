// The threads that write: a record takes ten calls, each of which would go to the runtime's pool and back. A batch of records is
// handed over once instead (`bench:store`, row `POST message`). Threads start as they are needed and end when they are idle.
import { Worker } from "node:worker_threads";
import type { RecordWrite } from "./record-writes.ts";
import { errorOf, type WriteFailure } from "./write-failure.ts";

/** Side by side, their syncs share the journal's commits; each costs 4 (Bun) to 13 MB (Deno). */
const MOST_THREADS = 4;
const MOST_IN_A_BATCH = 16;
/** All but one go after this long without work. */
const IDLE_MS = 10_000;

interface WriteThread {
  worker: Worker;
  writes: PendingWrite[];
  idle?: NodeJS.Timeout;
}

interface PendingWrite {
  write: RecordWrite;
  done(error: Error | undefined): void;
}

const threads = new Set<WriteThread>();
const waiting: PendingWrite[] = [];
let planned = false;

/** Puts a record in its place, as `putRecords` says; what that answers is thrown. */
export function putRecord(write: RecordWrite): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push({ write, done: (error) => (error === undefined ? resolve() : reject(error)) });
    if (planned) return;
    planned = true;
    // A microtask later, so that all writes of this moment go in one batch.
    queueMicrotask(assign);
  });
}

function assign(): void {
  planned = false;
  while (waiting.length > 0) {
    const thread = findFreeThread();
    if (thread === undefined) return;
    sendBatch(thread, waiting.splice(0, MOST_IN_A_BATCH));
  }
}

function findFreeThread(): WriteThread | undefined {
  for (const thread of threads) if (thread.writes.length === 0) return thread;
  return threads.size < MOST_THREADS ? startThread() : undefined;
}

function sendBatch(thread: WriteThread, jobs: PendingWrite[]): void {
  clearTimeout(thread.idle);
  thread.writes = jobs;
  // A thread keeps the process alive only while a write waits for it.
  thread.worker.ref();
  thread.worker.postMessage(jobs.map(({ write }) => write));
}

function startThread(): WriteThread {
  const worker = new Worker(new URL("./write-thread.ts", import.meta.url));
  const thread: WriteThread = { worker, writes: [] };
  const answer = (errors: (Error | undefined)[]): void => {
    const jobs = thread.writes.splice(0);
    for (const [i, { done }] of jobs.entries()) done(errors[i]);
  };
  const ended = (error: Error): void => {
    threads.delete(thread);
    answer(thread.writes.map(() => error));
    assign();
  };
  worker.on("message", (failures: (WriteFailure | undefined)[]) => {
    answer(failures.map(errorOf));
    assign();
    if (thread.writes.length > 0) return;
    worker.unref();
    thread.idle = setTimeout(() => threads.size > 1 && stopThread(thread), IDLE_MS).unref();
  });
  worker.on("error", ended);
  worker.on("exit", () => ended(new Error("The thread that writes has ended.")));
  threads.add(thread);
  return thread;
}

function stopThread(thread: WriteThread): void {
  threads.delete(thread);
  void thread.worker.terminate();
}
