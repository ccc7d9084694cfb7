// How long a start takes, side by side: `npm run bench:start [EXECUTABLE]`. Compile one first (npm run compile:bun).
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runtimeEnv } from "../../src/launch/runtimes.mjs";
import { runtimes } from "../support/runtimes.ts";
import { ROOT } from "../support/executable.ts";
import { cleanEnv, MAIN } from "../support/server.ts";

const ROUNDS = 11;
const IDLE_MS = 1_000;

interface Way {
  name: string;
  command: string[];
  env: Record<string, string>;
  version: number[];
  listening: number[];
  idle: number[];
}

const way = (name: string, command: string[], env: Record<string, string> = {}): Way => ({
  ...{ name, command, env },
  ...{ version: [], listening: [], idle: [] },
});

const executable = resolve(process.argv[2] ?? join(ROOT, "dist/ingle"));
const ways = [
  ...(existsSync(executable) ? [way("executable", [executable])] : []),
  ...runtimes()
    .filter(({ skip }) => skip === undefined)
    .map(({ name, command }) => way(name, [...command, MAIN], runtimeEnv(name))),
];

/** Of one start: milliseconds until it has told its version, and until it listens; MB when it has been idle. */
async function measure({ command, env, version, listening, idle }: Way): Promise<void> {
  version.push(await until(command, ["--version"], env, /^\d/));
  const data = mkdtempSync(join(tmpdir(), "ingle-bench-"));
  const words = ["serve", "--port", "0", "--data", data, "--adapter", "echo"];
  listening.push(
    await until(command, words, env, /is listening on/, async (pid) => {
      await sleep(IDLE_MS);
      if (existsSync("/proc/self/status"))
        idle.push(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1000);
    }),
  );
  rmSync(data, { recursive: true, force: true });
}

function until(
  [binary = "", ...flags]: string[],
  words: string[],
  env: Record<string, string>,
  says: RegExp,
  then = async (_pid: number): Promise<void> => {},
): Promise<number> {
  const start = performance.now();
  const child = spawn(binary, [...flags, ...words], { env: cleanEnv(env), stdio: ["ignore", "pipe", "ignore"] });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let text = "";
  let ms: number | undefined;
  child.stdout.setEncoding("utf8").on("data", async (more: string) => {
    text += more;
    if (ms !== undefined || !says.test(text)) return;
    ms = performance.now() - start;
    await then(child.pid!);
    child.kill("SIGTERM");
  });
  child.on("error", reject);
  child.on("close", () => (ms === undefined ? reject(new Error(`${binary} never said ${says}.`)) : resolve(ms)));
  return promise;
}

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;

for (const one of ways) await measure(one); // What a first start leaves in caches is not what is asked for.
for (const one of ways) for (const list of [one.version, one.listening, one.idle]) list.length = 0;
for (let round = 0; round < ROUNDS; round++) for (const one of ways) await measure(one);
const [first] = ways;
console.log(`Medians of ${ROUNDS} starts, taken in turns; the ratio is to the first line.`);
for (const { name, version, listening, idle } of ways) {
  const ratio = (median(listening) / median(first!.listening)).toFixed(1);
  console.log(
    `${name.padEnd(10)}  --version ${median(version).toFixed(0)} ms  listening ${median(listening).toFixed(0)} ms (${ratio}x)  ` +
      `idle ${median(idle).toFixed(0)} MB`,
  );
}
if (existsSync(executable)) console.log(`${executable}: ${(statSync(executable).size / 1e6).toFixed(0)} MB`);
