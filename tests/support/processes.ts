// Other processes, seen from outside; Linux and its /proc only.
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** The programs that run as children of another, but for those whose command line holds a text. */
export function childrenOf(parent: number, but?: string): number[] {
  if (!existsSync("/proc/self/stat")) throw new Error("This test reads /proc.");
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  // A child that has not begun its program yet has the command line of its parent, and one that has just ended has none.
  const none = ["", commandOf(parent)];
  return pids.map(Number).filter((pid) => {
    const command = stat(pid)?.parent === parent ? commandOf(pid) : "";
    return !none.includes(command) && (but === undefined || !command.includes(but));
  });
}

/** The processes whose command line holds a text. */
export function named(text: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => stat(pid) !== undefined && commandOf(pid).includes(text));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Processor time that a process has used so far, in milliseconds; throws when it has ended. */
export function processorTime(pid: number): number {
  const found = stat(pid);
  if (found === undefined) throw new Error(`Process ${pid} has ended.`);
  return found.used_ms;
}

/** The same of its first thread alone, of which the kernel counts each nanosecond: where threads of llama.cpp compute, those are others. */
export function mainThreadTime(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "latin1").split(" ")[0]) / 1e6;
}

export const isAlive = (pid: number): boolean => stat(pid) !== undefined;

// See proc(5): what stands behind the name in brackets, which may itself hold anything. A tick is 10 ms.
function stat(pid: number): { parent: number; used_ms: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return { parent: Number(fields[1]), used_ms: (Number(fields[11]) + Number(fields[12])) * 10 };
}
