// Whether a process is at work.
import { processorTime } from "./processes.ts";
import { eventually } from "./server.ts";

/** Resolves when a process has computed for a while from now on: a request has surely reached it. */
export async function computes(pid: number): Promise<void> {
  const before = processorTime(pid);
  await eventually("the process computes", () => processorTime(pid) > before + 300);
}

/** Resolves when half a second has gone by in which a process did nothing. */
export async function becomesIdle(pid: number): Promise<void> {
  await eventually("the process is idle", async () => {
    const before = processorTime(pid);
    await new Promise((done) => setTimeout(done, 500));
    return processorTime(pid) - before <= 20;
  });
}
