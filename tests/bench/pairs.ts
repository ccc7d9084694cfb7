// `npm run bench:pairs -- OTHER`: this checkout beside another one, such as the commit before, in alternating pairs. Each row is the mean of the
// paired ratios with its 95 % interval: above 1 this checkout is the faster one. A floor is met when the upper end reaches it. Beside the rate
// of a GET stands the processor time that the server takes for it, which other work on the machine changes less.
// PAIRS=n (15), ONLY=get,models,slow,stream,start, RUNTIMES=bun,node,deno and ADAPTERS=node-llama-cpp,llama-server make it longer or shorter.
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { runtimeEnv } from "../../src/launch/runtimes.mjs";
import { realModel } from "../support/real-model.ts";
import type { Runtime } from "../support/runtimes.ts";
import { startProgram, type Server } from "../support/server.ts";
import { story } from "./engines/prompts.ts";
import { startClient, wantedRuntimes, THREADS } from "./engines/subjects.ts";
import { get, load } from "./load.ts";
import { pairedRatios, printHeads, printRatios } from "./paired-ratios.ts";
import { processorTime } from "./processor-time.ts";
import { keepSlowClients } from "./slow-clients.ts";

const PAIRS = Number(process.env.PAIRS ?? 15);
const ONLY = (process.env.ONLY ?? "get,models,slow,stream,start").split(",");
const ADAPTERS = (process.env.ADAPTERS ?? "node-llama-cpp,llama-server").split(",");
const MAX_TOKENS = 128;
/** Requests of one side of a pair: short, since a processor that is shared changes its speed from one second to the next. */
const READS = 6_000;
const WARM_UP = 4;
const SLOW_CLIENTS = 400;
const REST_MS = 1_000;
const RESTING_SHARE = 0.15;

const [other] = process.argv.slice(2);
if (other === undefined) throw new Error('Name the other checkout: "npm run bench:pairs -- ../before".');
/** This one first. */
const CHECKOUTS = [join(import.meta.dirname, "../.."), resolve(other)] as const;
const folder = mkdtempSync(join(tmpdir(), "ingle-pairs-"));
let folders = 0;

function start(checkout: string, { name, command }: Runtime, args: string[]): Promise<Server> {
  const data = join(folder, `${folders++}`);
  // To read the lines of the log would take the load's time.
  const options = { data, env: runtimeEnv(name), stderr_file: `${data}.log` };
  return startProgram([...command, join(checkout, "src/main.ts")], args, options);
}

/** The ratios of this checkout to the other. */
const ratios = (rate: Parameters<typeof pairedRatios>[1], warm_up = WARM_UP): Promise<number[]> =>
  pairedRatios({ pairs: PAIRS, warm_up }, rate);

async function withServers<T>(runtime: Runtime, args: string[], use: (servers: Server[]) => Promise<T>): Promise<T> {
  const servers = await Promise.all(CHECKOUTS.map((checkout) => start(checkout, runtime, args)));
  try {
    return await use(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function post(url: string, path: string, body: object): Promise<{ id: string }> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const res = await fetch(url + path, init);
  if (!res.ok) throw new Error(await res.text());
  return (await res.json()) as { id: string };
}

/** The 99th percentile of others beside 400 slow clients, a third of which take nothing of a list of 4 MB. */
const besideSlow = (runtime: Runtime): Promise<number[]> =>
  withServers(runtime, ["--adapter", "echo"], async (servers) => {
    const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`key_${n}`, "x".repeat(500)]));
    for (const { url } of servers) for (let n = 0; n < 500; n++) await post(url, "/v1/threads", { metadata });
    const ids = await Promise.all(servers.map(({ url }) => post(url, "/v1/threads", { title: "A thread" })));
    return ratios(async (side) => {
      const leave = keepSlowClients(servers[side]!.url, SLOW_CLIENTS, "/v1/threads");
      // They arrive before the others are measured: some runtimes take seconds to hand each of them what the system takes.
      await atRest(servers[side]!.pid);
      const request = (): string => get(`/v1/threads/${ids[side]!.id}`);
      const { ms } = await load({ url: servers[side]!.url, wide: 20, requests: READS, request }).finally(leave);
      return 1 / ms[Math.floor(ms.length * 0.99)]!;
    }, 1);
  });

/** Resolves when a process has next to nothing to do. */
async function atRest(pid: number): Promise<void> {
  for (let busy = true; busy;) {
    const before = processorTime(pid);
    await new Promise((done) => setTimeout(done, REST_MS));
    busy = processorTime(pid) - before > REST_MS * 1_000 * RESTING_SHARE;
  }
}

interface GetRatios {
  rates: number[];
  /** Of the microseconds of processor time that a request took of each side. */
  times: [number, number][];
}

/** `paths`: what each side is asked for. */
async function getPairs(servers: Server[], paths: string[]): Promise<GetRatios> {
  const times: [number, number][] = [];
  const rates = await ratios(async (side, pair) => {
    const { url, pid } = servers[side]!;
    const before = processorTime(pid);
    const { per_second } = await load({ url, wide: 50, requests: READS, request: () => get(paths[side]!) });
    if (pair >= 0) (times[pair] ??= [0, 0])[side] = (processorTime(pid) - before) / READS;
    return per_second;
  });
  return { rates, times };
}

const getThread = (runtime: Runtime): Promise<GetRatios> =>
  withServers(runtime, ["--adapter", "echo"], async (servers) => {
    const messages = [{ role: "user", content: "How does AI work?" }];
    const ids = await Promise.all(servers.map(({ url }) => post(url, "/v1/threads", { title: "A thread", messages })));
    return getPairs(
      servers,
      ids.map(({ id }) => `/v1/threads/${id}`),
    );
  });

/** With one model that is installed and not loaded. */
async function getModels(runtime: Runtime): Promise<GetRatios> {
  const { path } = await realModel();
  return withServers(runtime, ["--models-dir", dirname(path)], async (servers) => {
    for (const { url } of servers) await post(url, "/v1/models", { path });
    return getPairs(servers, ["/v1/models", "/v1/models"]);
  });
}

function printGet(row: string, { rates, times }: GetRatios): void {
  printRatios(row, rates);
  const [own, others] = [0, 1].map((side) => times.reduce((sum, pair) => sum + pair[side]!, 0) / times.length);
  printRatios(
    `  processor time: ${own!.toFixed(1)} µs, before ${others!.toFixed(1)}`,
    times.map(([mine, before]) => before / mine),
  );
}

async function oneStream(runtime: Runtime, adapter: string): Promise<number[]> {
  const model = await realModel();
  const args = ["--slots", "4", "--context", "2048", "--threads", `${THREADS}`, "--adapter", adapter, "--keep-alive", "-1"];
  const client = await startClient();
  const found = await withServers(runtime, [...args, "--models-dir", dirname(model.path)], async (servers) => {
    for (const { url } of servers) {
      const { id } = await post(url, "/v1/models", { path: model.path });
      await post(url, `/v1/models/${id}/start`, {});
    }
    return ratios(async (side, pair) => {
      const bodies = [story(`${pair}.`, 1, MAX_TOKENS, {})];
      const [outcome] = await client.run({ url: servers[side]!.url, bodies });
      return outcome!.tokens / outcome!.ms;
    });
  });
  client.stop();
  return found;
}

const starts = (runtime: Runtime): Promise<number[]> =>
  ratios(async (side) => {
    const began = performance.now();
    const server = await start(CHECKOUTS[side], runtime, ["--adapter", "echo"]);
    const ms = performance.now() - began;
    await server.stop();
    return 1 / ms;
  }, 2);

console.log(`${cpus()[0]?.model}, ${cpus().length} cores; this checkout : ${other}\n`);
printHeads();
try {
  for (const runtime of wantedRuntimes()) {
    if (ONLY.includes("get")) printGet(`GET thread, ${runtime.name}`, await getThread(runtime));
    if (ONLY.includes("models")) printGet(`GET models, ${runtime.name}`, await getModels(runtime));
    if (ONLY.includes("slow")) printRatios(`p99 beside ${SLOW_CLIENTS} slow clients, ${runtime.name}`, await besideSlow(runtime));
    if (ONLY.includes("start")) printRatios(`start until it listens, ${runtime.name}`, await starts(runtime));
    if (ONLY.includes("stream") && runtime.name === "bun")
      for (const adapter of ADAPTERS) printRatios(`1 stream, ${adapter}, bun`, await oneStream(runtime, adapter));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
