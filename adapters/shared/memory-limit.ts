// Ends a process that takes more memory than its model needs: a grammar or a prompt that grows without end costs its engine, never the machine.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, platform } from "node:os";

const MiB = 1024 * 1024;
/** What an engine may take beside the estimate of its load. */
export const MEMORY_MARGIN = 1024 * MiB;
const LOOK_MS = 250;
/** One look starts a program where there is no /proc. */
const LOOK_MS_PS = 1_000;
/** Data that libraries reserve without using it: 200 MiB were seen for llama.cpp, and the stack of each thread counts whole. */
const RESERVED_DATA = (512 + 16 * availableParallelism()) * MiB;

export interface MemoryLimitOptions {
  /** Bytes that the process may keep resident, beside what it maps of files: the system takes those back where memory is short. */
  bytes: number;
  /** Called once, with the limit passed. */
  onExceeded: () => void;
}

/**
 * Looks at the memory of a process until it passes the limit or the answer is called. On Linux the kernel refuses it more, too: a limit on
 * data, as one on addresses would hit what a JavaScript engine only reserves. Windows tells no process's memory without a program of its
 * own, so that nothing is limited there.
 */
export function limitMemory(pid: number | undefined, { bytes, onExceeded }: MemoryLimitOptions): () => void {
  if (pid === undefined || bytes === Infinity || platform() === "win32") return () => {};
  const linux = platform() === "linux";
  let limited = false;
  const look = async (): Promise<void> => {
    const { resident, reserved } = await (linux ? readProc(pid) : runPs(pid)).catch(() => NOTHING);
    if (linux && !limited) limitData(pid, bytes + reserved + RESERVED_DATA);
    limited = true;
    if (resident <= bytes) return;
    clearInterval(timer);
    onExceeded();
  };
  const timer = setInterval(() => void look(), linux ? LOOK_MS : LOOK_MS_PS).unref();
  return () => clearInterval(timer);
}

/** A machine without `prlimit` has the looks alone. */
function limitData(pid: number, bytes: number): void {
  execFile("prlimit", ["--pid", String(pid), `--data=${bytes}:${bytes}`], () => {});
}

/** In bytes. `reserved`: data that is not in memory; Bun reserves 6 GiB at its start. */
interface MemoryUse {
  resident: number;
  reserved: number;
}

const NOTHING: MemoryUse = { resident: 0, reserved: 0 };

/** Throws where the process is gone. */
async function readProc(pid: number): Promise<MemoryUse> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const bytesOf = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
  const resident = bytesOf("RssAnon");
  return { resident, reserved: Math.max(0, bytesOf("VmData") - resident) };
}

function runPs(pid: number): Promise<MemoryUse> {
  const { promise, resolve, reject } = Promise.withResolvers<MemoryUse>();
  execFile("ps", ["-o", "rss=", "-p", String(pid)], (error, stdout) => {
    if (error) reject(error);
    else resolve({ resident: 1024 * Number(stdout), reserved: 0 });
  });
  return promise;
}
