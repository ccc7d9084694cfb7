import { afterEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { startCpuClock } from "../../adapters/shared/cpu-clock.ts";

let child: ChildProcess | undefined;
afterEach(() => void child?.kill("SIGKILL"));

/** Milliseconds until the clock calls back for a process that runs the script. */
async function lateAfter(script: string, ms: number): Promise<number> {
  child = spawn("/bin/sh", ["-c", script]);
  const started = performance.now();
  await new Promise<void>((late) => startCpuClock(child!.pid, ms, late));
  return performance.now() - started;
}

test("a process that computes is late after its time", async () => {
  expect(await lateAfter("while :; do :; done", 300)).toBeGreaterThanOrEqual(299);
});

test.skipIf(!existsSync("/proc/self/stat"))("a process that waits has five times as long", async () => {
  expect(await lateAfter("sleep 60", 200)).toBeGreaterThanOrEqual(999);
});

test("a process that is gone is late at its time", async () => {
  expect(await lateAfter("exit 0", 200)).toBeLessThan(900);
});

test("a clock that was stopped calls nobody", async () => {
  child = spawn("/bin/sh", ["-c", "while :; do :; done"]);
  let late = false;
  startCpuClock(child.pid, 50, () => (late = true))();
  await new Promise((done) => setTimeout(done, 300));
  expect(late).toBe(false);
});
