// The threads that write: a record takes ten calls, and handing each of them to the runtime's pool and back costs more than the disk.
// Here a batch of records is handed over once. Threads come as they are needed and go when they are not.
import { Worker } from "node:worker_threads";
import type { RecordWrite } from "./record-writes.ts";
import { errorOf, type WriteFailure } from "./write-failure.ts";

/** Side by side, their syncs share the journal's commits; each costs 4 (Bun) to 13 MB (Deno). */
const MOST_THREADS = 4;
const MOST_IN_A_BATCH = 16;
/** All but one go after this long without work. */
const IDLE_MS = 10_000;

interface Thread {
  worker: Worker;
  jobs: Job[];
  idle?: NodeJS.Timeout;
}

interface Job {
  write: RecordWrite;
  done(error: Error | undefined): void;
}

const threads = new Set<Thread>();
const waiting: Job[] = [];
let planned = false;

/** Puts a record in its place, as `putRecords` says; what that answers is thrown. */
export function putRecord(write: RecordWrite): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push({ write, done: (error) => (error === undefined ? resolve() : reject(error)) });
    if (planned) return;
    planned = true;
    // After all that came in the same moment.
    queueMicrotask(assign);
  });
}

function assign(): void {
  planned = false;
  while (waiting.length > 0) {
    const thread = free();
    if (thread === undefined) return;
    hand(thread, waiting.splice(0, MOST_IN_A_BATCH));
  }
}

function free(): Thread | undefined {
  for (const thread of threads) if (thread.jobs.length === 0) return thread;
  return threads.size < MOST_THREADS ? newThread() : undefined;
}

function hand(thread: Thread, jobs: Job[]): void {
  clearTimeout(thread.idle);
  thread.jobs = jobs;
  // Only while somebody waits for it does a thread keep the process.
  thread.worker.ref();
  thread.worker.postMessage(jobs.map(({ write }) => write));
}

function newThread(): Thread {
  const worker = new Worker(new URL("./write-thread.ts", import.meta.url));
  const thread: Thread = { worker, jobs: [] };
  const answer = (errors: (Error | undefined)[]): void => {
    const jobs = thread.jobs.splice(0);
    for (const [i, { done }] of jobs.entries()) done(errors[i]);
  };
  const ended = (error: Error): void => {
    threads.delete(thread);
    answer(thread.jobs.map(() => error));
    assign();
  };
  worker.on("message", (failures: (WriteFailure | undefined)[]) => {
    answer(failures.map(errorOf));
    assign();
    if (thread.jobs.length > 0) return;
    worker.unref();
    thread.idle = setTimeout(() => threads.size > 1 && end(thread), IDLE_MS).unref();
  });
  worker.on("error", ended);
  worker.on("exit", () => ended(new Error("The thread that writes has ended.")));
  threads.add(thread);
  return thread;
}

function end(thread: Thread): void {
  threads.delete(thread);
  void thread.worker.terminate();
}
