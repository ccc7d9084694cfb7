// The sha256 of a file that is being written, computed behind the writer's back from what is in the file already.
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import type { PartHashRequest, PartHashReply } from "./part-hash-thread.ts";

export interface PartHash {
  /** So many bytes from the start are in the file and stay as they are. */
  reach(bytes: number): void;
  /** The file starts over. */
  restart(): void;
  /** Of the first `bytes` bytes, as hex digits. Throws what reading throws, and the signal's reason. */
  digest(bytes: number, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/** A file of fewer bytes is hashed at its end, within some 20 ms: starting a thread takes longer. */
const WORTH_A_THREAD = 16 << 20;

/** Reads the file of the handle, which is also to be found at `path`. */
export function createPartHash(path: string, handle: FileHandle): PartHash {
  let thread: Worker | undefined;
  let failure: Error | undefined;
  const tell = (asked: PartHashRequest): void => thread?.postMessage(asked);

  return {
    reach(bytes) {
      if (bytes < WORTH_A_THREAD) return;
      thread ??= start();
      tell({ reach: bytes });
    },
    restart: () => tell("restart"),
    async digest(bytes, signal) {
      if (bytes < WORTH_A_THREAD || !thread) return digestNow(handle, bytes, signal);
      if (failure) throw failure;
      const told = awaitDigest(thread, signal);
      tell({ digest: bytes });
      return told;
    },
    async close() {
      await thread?.terminate();
      thread = undefined;
    },
  };

  function start(): Worker {
    const worker = new Worker(new URL("./part-hash-thread.ts", import.meta.url), { workerData: path });
    worker.on("error", (error: Error) => (failure = error));
    return worker;
  }
}

function awaitDigest(thread: Worker, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  thread.once("message", ({ digest, error }: PartHashReply) => {
    if (digest === undefined) reject(Object.assign(new Error(error?.message), { code: error?.code }));
    else resolve(digest);
  });
  thread.once("error", reject);
  thread.once("exit", () => reject(new Error("The thread that computes a sha256 has ended.")));
  return promise.finally(() => signal.removeEventListener("abort", onAbort));
}

async function digestNow(handle: FileHandle, bytes: number, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(1 << 20);
  for (let at = 0; at < bytes;) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, bytes - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest("hex");
}
