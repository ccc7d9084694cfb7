// A thread that follows a growing file and computes its sha256.
import { createHash } from "node:crypto";
import { constants, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { lowerPriority } from "./low-priority.ts";

export type PartHashRequest = "restart" | { reach: number } | { digest: number };
/** The reply to `digest`. */
export interface PartHashReply {
  digest?: string;
  error?: { message: string; code?: string | undefined };
}

lowerPriority();
const port = parentPort!;
const file = openSync(workerData as string, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
const buffer = new Uint8Array(1 << 20);
let hash = createHash("sha256");
let done = 0;
let failure: PartHashReply["error"];

port.on("message", (request: PartHashRequest) => {
  if (request === "restart") return restart();
  try {
    hashUpTo("reach" in request ? request.reach : request.digest);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    failure = { message, code };
  }
  if (!("digest" in request)) return;
  port.postMessage((failure ? { error: failure } : { digest: hash.digest("hex") }) satisfies PartHashReply);
});

function restart(): void {
  hash = createHash("sha256");
  [done, failure] = [0, undefined];
}

function hashUpTo(bytes: number): void {
  while (done < bytes && failure === undefined) {
    const read = readSync(file, buffer, 0, Math.min(buffer.length, bytes - done), done);
    if (read === 0) return; // the file was truncated: a restart follows
    hash.update(buffer.subarray(0, read));
    done += read;
  }
}
