// The processor time of a server: unlike its rate, it is the same on a machine that does other things too.
import { readdirSync, readFileSync } from "node:fs";

/** Of all threads that a process has, in microseconds. Linux alone tells it. */
export function processorTime(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const times = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]));
  return times.reduce((sum, time) => sum + time, 0) / 1000;
}
