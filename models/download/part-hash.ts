// The sha256 of a file that is being written, computed in a thread from the bytes that are in the file already: `createHash` takes about
// as long for a byte as `bench:download` takes to receive it.
import { createHash } from "node:crypto";
import { addAbortListener } from "node:events";
import { type FileHandle, lstat, open, realpath } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import type { PartHashRequest, PartHashReply } from "./part-hash-thread.ts";

/** A file of fewer bytes is hashed when it is whole. */
const THREAD_FROM_BYTES = 16 << 20;

/** Reads the file of the handle, which is also to be found at `path`. */
export function createPartHash(path: string, handle: FileHandle) {
  let thread: Worker | undefined;
  let failure: Error | undefined;
  const onError = (error: Error): void => void (failure = error);
  const post = (request: PartHashRequest): void => thread?.postMessage(request);

  return {
    /** The first `bytes` bytes are in the file and stay as they are. */
    reach(bytes: number): void {
      if (bytes < THREAD_FROM_BYTES) return;
      thread ??= new Worker(new URL("./part-hash-thread.ts", import.meta.url), { workerData: path }).on("error", onError);
      post({ reach: bytes });
    },
    restart: (): void => post("restart"),
    /** The sha256 of the first `bytes` bytes, as hex digits. Throws what reading throws, and the signal's reason. */
    async digest(bytes: number, signal: AbortSignal): Promise<string> {
      if (thread === undefined) {
        const { buffer } = await handle.read(new Uint8Array(bytes), 0, bytes, 0);
        return createHash("sha256").update(buffer).digest("hex");
      }
      if (failure) throw failure;
      const digest = awaitDigest(thread, signal);
      post({ digest: bytes });
      return digest;
    },
    async close(): Promise<void> {
      await thread?.terminate();
      thread = undefined;
    },
  };
}

/**
 * The sha256 of a whole file as hex digits, links followed; a large one is read in a thread of low priority. Throws what the disk throws,
 * and the signal's reason.
 */
export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  // The thread follows no link of its own; a folder on the way may be one.
  const real = (await lstat(path)).isSymbolicLink() ? await realpath(path) : path;
  const handle = await open(real, "r");
  const hash = createPartHash(real, handle);
  try {
    const { size } = await handle.stat();
    hash.reach(size);
    return await hash.digest(size, signal);
  } finally {
    await hash.close();
    await handle.close();
  }
}

function awaitDigest(thread: Worker, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const listener = addAbortListener(signal, () => reject(signal.reason));
  thread.once("message", ({ digest, error }: PartHashReply) => {
    if (digest === undefined) reject(Object.assign(new Error(error?.message), { code: error?.code }));
    else resolve(digest);
  });
  thread.once("error", reject);
  thread.once("exit", () => reject(new Error("The thread that computes a sha256 has ended.")));
  return promise.finally(() => listener[Symbol.dispose]());
}
