// What befalls a whole server while it writes: a log that cannot be written, a data folder that is taken away. Each answered change is
// compared with what the folder holds after a kill.
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LOCK_FILE } from "../../src/storage/file-names.ts";
import type { Runtime } from "../support/runtimes.ts";
import { cleanEnv, eventually, MAIN } from "../support/server.ts";
import type { Counts, Matrix } from "./runs.ts";

interface Situation {
  stdio(full: number): StdioOptions;
  /** Called between two groups of writes; answers with what is not as it has to be. */
  befall(child: ChildProcess, data: string): Promise<string[]>;
  /** Whether the server may refuse a change. */
  refuses: boolean;
}

interface NewThread {
  id: string;
  error?: { code: string };
}

const CLOSED: StdioOptions = ["ignore", "pipe", "pipe"];

const SITUATIONS: Record<string, Situation> = {
  "LOG FULL": { stdio: (full) => ["ignore", full, full], befall: async () => [], refuses: false },
  "LOG CLOSED": {
    stdio: () => CLOSED,
    async befall({ stdout, stderr }) {
      stdout?.destroy();
      stderr?.destroy();
      return [];
    },
    refuses: false,
  },
  "FOLDER AWAY": {
    stdio: () => "ignore",
    async befall(_, data) {
      renameSync(data, `${data}-moved`);
      // A place into which a write could go.
      mkdirSync(join(data, "threads"), { recursive: true });
      await sleep(50);
      const made = readdirSync(data, { recursive: true }).map(String);
      rmSync(data, { recursive: true });
      renameSync(`${data}-moved`, data);
      return made.filter((path) => path !== "threads").map((path) => `${path} was made in the folder's place.`);
    },
    refuses: true,
  },
};

const WRITERS = 4;

/** `rounds`: how often each situation comes. */
export async function runSituations(rounds: number, runtime: Runtime): Promise<Matrix> {
  const matrix: Matrix = { rows: {}, violations: [] };
  for (const [name, situation] of Object.entries(SITUATIONS)) {
    const { counts, violations } = await runSituation(rounds, runtime, situation);
    matrix.rows[`${runtime.name} ${name}`] = { ...counts, violations: violations.length };
    matrix.violations.push(...violations.map((words) => `${runtime.name}: ${name}: ${words}`));
  }
  return matrix;
}

async function runSituation(rounds: number, { command }: Runtime, { stdio, befall, refuses }: Situation) {
  const counts: Counts = { runs: 0, acknowledged: 0, refused: 0, killed: 0, "not reached": 0, violations: 0 };
  const violations: string[] = [];
  const root = mkdtempSync(join(tmpdir(), "ingle-situation-"));
  const data = join(root, "data");
  const full = openSync("/dev/full", "w");
  const [binary = "", ...words] = [...command, MAIN, "serve", "--port", "0", "--adapter", "echo", "--data", data];
  const child = spawn(binary, words, { env: cleanEnv(), stdio: stdio(full) });
  const ended = new Promise((resolve) => child.on("close", resolve));
  try {
    const url = await urlIn(data);
    const acknowledged: string[] = [];
    const write = async (): Promise<void> => {
      const answer = await fetch(`${url}/v1/threads`, { method: "POST" })
        .then(async (response) => ({ status: response.status, body: (await response.json()) as NewThread }))
        .catch(() => undefined);
      counts.runs++;
      // Deno resets a connection now and then: nothing was acknowledged then, and a server that has ended is found below.
      if (answer === undefined) return void counts["not reached"]++;
      const { status, body } = answer;
      counts[status === 200 ? "acknowledged" : "refused"]++;
      if (status === 200) acknowledged.push(body.id);
      else if (!refuses || body.error?.code !== "storage_unavailable")
        violations.push(`It was answered ${status} "${body.error?.code}".`);
    };
    await eventually("a change is acknowledged", async () => {
      await write();
      return acknowledged.length > 0;
    });
    for (let round = 0; round < rounds; round++) {
      let going = true;
      const writers = Array.from({ length: WRITERS }, async () => {
        while (going) await write();
      });
      const written = Promise.all(writers);
      try {
        await sleep(5 * round);
        violations.push(...(await befall(child, data)));
        await write();
      } finally {
        going = false;
        await written;
      }
    }
    const { exitCode, signalCode } = child;
    if (exitCode !== null || signalCode !== null) violations.push(`The server ended with ${exitCode ?? signalCode}.`);
    child.kill("SIGKILL");
    await ended;
    const there = readdirSync(join(data, "threads"));
    for (const id of acknowledged)
      if (!there.includes(`${id}.json`)) violations.push(`${id} was acknowledged, and is not there.`);
  } finally {
    child.kill("SIGKILL");
    await ended;
    closeSync(full);
    rmSync(root, { recursive: true });
  }
  return { counts, violations };
}

async function urlIn(data: string): Promise<string> {
  let url: string | undefined;
  await eventually("the server has an address", () => {
    const path = join(data, LOCK_FILE);
    url = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as { url?: string }).url : undefined;
    return url !== undefined;
  });
  await eventually("the server answers", () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return url!;
}
