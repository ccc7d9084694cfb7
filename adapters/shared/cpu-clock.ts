// Ends the patience with a process by what it has computed, so that a busy machine does not turn honest work into an attack.
import { readFileSync } from "node:fs";

/** A process that waits, or gets next to nothing of the processor, is given so much more; in milliseconds. */
const LONGEST_WAIT_MS = 8_000;
const MOST_TIMES = 5;
/** See proc(5) and sysconf(_SC_CLK_TCK). */
const TICK_MS = 10;

/**
 * Calls back once the process has computed for `ms` since now, and no earlier than `ms` from now. Where the system does not tell what a
 * process has computed, the time on the wall alone counts. Answers with what stops the clock.
 */
export function startCpuClock(pid: number | undefined, ms: number, onLate: () => void): () => void {
  const begun = cpuMs(pid);
  const started = performance.now();
  const longest = Math.min(ms * MOST_TIMES, ms + LONGEST_WAIT_MS);
  const look = (): void => {
    const computed = begun === undefined ? ms : (cpuMs(pid) ?? Infinity) - begun;
    const left = Math.min(ms - computed, longest - (performance.now() - started));
    if (left <= 0) onLate();
    else timer = setTimeout(look, Math.max(left, TICK_MS));
  };
  let timer = setTimeout(look, ms);
  return () => clearTimeout(timer);
}

/** Undefined where the system does not tell it, or the process is gone. */
function cpuMs(pid: number | undefined): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in brackets may itself hold anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return undefined;
  }
}
