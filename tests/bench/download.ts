// `npm run bench:download`: a large file by curl and by ingle on every runtime, from the same local server to the same disk, side by
// side in one run. BYTES and ROUNDS shrink it, ONLY=node leaves one runtime, TABLES=proxy,resume two of the three tables (the other is direct),
// BENCH_DIR names another disk. Needs Linux and curl.
import { spawn, type ChildProcess } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, statfsSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { noteOf, writePartOrigin } from "../../models/download/part-note.ts";
import { hashFile } from "../../models/download/part-hash.ts";
import { readProxies } from "../../models/network/proxies.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";
import { runtimeEnv } from "../../src/launch/runtimes.mjs";
import { runtimes, type Runtime } from "../support/runtimes.ts";

const place = process.env.BENCH_DIR ?? tmpdir();
const { bavail, bsize } = statfsSync(place);
const BYTES = Number(process.env.BYTES ?? (bavail * bsize > 20e9 ? 4e9 : 1e9));
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const IDLE_MS = 4_000;
const BETWEEN_ASKS_MS = 2;

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url).href);
const folder = mkdtempSync(join(place, "ingle-bench-"));
const target = join(folder, "model.gguf");

interface Process {
  child: ChildProcess;
  lines: AsyncIterator<string>;
  line(): Promise<string>;
}

function start([program = "", ...flags]: string[], name: Runtime["name"], args: string[], more: object = {}): Process {
  const env = { ...process.env, ...runtimeEnv(name), ...more };
  const child = spawn(program, [...flags, ...args], { env, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { child, lines, line: async () => (await lines.next()).value as string };
}

async function stop({ child }: Process): Promise<void> {
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await ended;
}

/** Seconds until the bytes are in the file, until they are on the disk, and until their sha256 is known, as ingle's is when it says so. */
interface CurlTimes {
  file: number;
  disk: number;
  hash: number;
}

const COLUMNS = ["file", "disk", "hash"] as const;

/** `COLUMNS` of pairs, as rates of ingle relative to those of curl. */
function rateCells(pairs: readonly { curl: CurlTimes; ms: number }[]): string[] {
  return COLUMNS.map((of) => median(pairs.map(({ curl, ms }) => (1000 * curl[of]) / ms)).toFixed(2));
}

async function hashed(times: Omit<CurlTimes, "hash">): Promise<CurlTimes> {
  const started = performance.now();
  await hashFile(target, new AbortController().signal);
  return { ...times, hash: times.disk + (performance.now() - started) / 1000 };
}

async function curl(url: string, flags: string[] = []): Promise<Omit<CurlTimes, "hash">> {
  const started = performance.now();
  const child = spawn("curl", ["--silent", "--fail", ...flags, "--output", target, url], { stdio: "inherit" });
  const code = await new Promise((done) => child.once("exit", done));
  if (code !== 0) throw new Error(`curl ended with ${String(code)}.`);
  const whole = performance.now();
  await sync(target);
  return { file: (whole - started) / 1000, disk: (performance.now() - started) / 1000 };
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  await handle.sync();
  await handle.close();
}

const memory = ({ child }: Process): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "latin1"))![1]) / 1024;

/** Asks for /health until the work is done; the times in milliseconds, and the most memory that was seen, in MiB. */
async function beside(server: Process, url: string, work: Promise<unknown>): Promise<{ times: number[]; peak: number }> {
  const times: number[] = [];
  let [done, peak] = [false, 0];
  void work.finally(() => (done = true)).catch(() => {});
  while (!done) {
    const started = performance.now();
    await (await fetch(`${url}/health`)).arrayBuffer();
    times.push(performance.now() - started);
    peak = Math.max(peak, memory(server));
    await new Promise((next) => setTimeout(next, BETWEEN_ASKS_MS));
  }
  await work;
  return { times, peak };
}

const sorted = (values: number[]): number[] => values.toSorted((a, b) => a - b);
const median = (values: number[]): number => sorted(values)[values.length >> 1]!;
const p99 = (values: number[]): number => sorted(values)[Math.floor(values.length * 0.99)]!;

async function round(server: Process, url: string, source: Source) {
  const pause = () => new Promise((done) => setTimeout(done, IDLE_MS));
  const idle = await beside(server, url, pause());
  const byCurl = curl(source.url);
  const besideCurl = await beside(server, url, byCurl);
  rmSync(target);
  await pause();
  const work = ingle(server, source, { allow_private: true });
  const during = await beside(server, url, work);
  rmSync(target);
  await pause();
  return { curl: await byCurl, ms: await work, idle, besideCurl, during };
}

interface Source {
  url: string;
  sha256: string;
}

/** The milliseconds of one download. */
async function ingle(server: Process, { url, sha256 }: Source, options: DownloadOptions): Promise<number> {
  const asked = { name: "model.gguf", size: BYTES, sha256, sources: [{ type: "url", url }] };
  server.child.stdin!.write(`${JSON.stringify({ file: asked, target, options })}\n`);
  const told = JSON.parse(await server.line()) as { ms?: number; error?: string };
  if (told.ms === undefined) throw new Error(told.error);
  return told.ms;
}

/** Behind a proxy, curl and ingle take turns; the rates of ingle relative to those of curl. */
async function measureProxied(runtime: Runtime, { url, sha256 }: Source, proxy: string): Promise<string> {
  const authority = join(folder, "authority.pem");
  const trust = { NODE_EXTRA_CA_CERTS: authority, DENO_CERT: authority };
  const server = start(runtime.command, runtime.name, [file("./download-server.ts")], trust);
  const cells: string[] = [];
  try {
    await server.line();
    for (const scheme of ["https", "http"]) {
      const address = `${scheme}://hub.example${new URL(url).pathname}`;
      const options = { allow_private: true, proxies: readProxies({ ALL_PROXY: proxy })! };
      const pairs: { curl: CurlTimes; ms: number }[] = [];
      for (let i = 0; i < ROUNDS; i++) {
        const byCurl = await hashed(await curl(address, ["--proxy", proxy, "--cacert", authority]));
        rmSync(target);
        pairs.push({ curl: byCurl, ms: await ingle(server, { url: address, sha256 }, options) });
        rmSync(target);
      }
      cells.push(...rateCells(pairs));
    }
    return `| ${[runtime.name, ...cells].join(" | ")} |`;
  } finally {
    await stop(server);
  }
}

/**
 * The second half of a file that has no tag, where the first one lies there: curl and ingle take turns. Rates of ingle, which makes the sha256
 * of both halves, relative to those of curl alone, of curl with a sync, and of curl with a sync and a sha256 made afterwards.
 */
async function measureResumed(runtime: Runtime, { url, sha256 }: Source): Promise<string> {
  const server = start(runtime.command, runtime.name, [file("./download-server.ts")]);
  const address = new URL("/untagged.gguf", url).href;
  const half = join(folder, "half");
  try {
    await server.line();
    await curl(address, ["--range", `0-${BYTES / 2 - 1}`]);
    renameSync(target, half);
    const pairs: { curl: CurlTimes; ms: number }[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      copyFileSync(half, target);
      await sync(target);
      const byCurl = await hashed(await curl(address, ["--continue-at", "-"]));
      renameSync(target, `${target}.part`);
      const part = await open(`${target}.part`, "r+");
      await part.truncate(BYTES / 2);
      await part.close();
      await writePartOrigin(noteOf(target), { url: address, total: BYTES, sha256 });
      await sync(`${target}.part`);
      const ms = await ingle(server, { url: address, sha256 }, { allow_private: true });
      rmSync(target);
      pairs.push({ curl: byCurl, ms });
    }
    return `| ${[runtime.name, ...rateCells(pairs)].join(" | ")} |`;
  } finally {
    await stop(server);
    rmSync(half, { force: true });
  }
}

async function measure(runtime: Runtime, source: Source): Promise<string> {
  const server = start(runtime.command, runtime.name, [file("./download-server.ts")]);
  try {
    const url = await server.line();
    const rounds: Awaited<ReturnType<typeof round>>[] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await round(server, url, source));
    const rate = (seconds: number) => BYTES / 1e6 / seconds;
    const [file, disk, ours] = [
      median(rounds.map(({ curl }) => rate(curl.file))),
      median(rounds.map(({ curl }) => rate(curl.disk))),
      median(rounds.map(({ ms }) => rate(ms / 1000))),
    ];
    // Idle: the same requests, for as long, while somebody else downloads.
    const more = median(rounds.map(({ idle, besideCurl, during }) => during.peak - Math.max(idle.peak, besideCurl.peak)));
    const slow = (of: "idle" | "besideCurl" | "during") => p99(rounds.flatMap((round) => round[of].times)).toFixed(2);
    const cells = [file, disk, ours].map((value) => value.toFixed(0));
    const ratios = [ours / file, ours / disk].map((value) => value.toFixed(2));
    return `| ${[runtime.name, ...cells, ...ratios, more.toFixed(0), slow("idle"), slow("besideCurl"), slow("during")].join(" | ")} |`;
  } finally {
    await stop(server);
  }
}

const found = runtimes().filter(({ skip }) => skip === undefined);
const node = found.find(({ name }) => name === "node") ?? found[0]!;
const source = start(node.command, node.name, [file("./download-source.ts"), String(BYTES)]);
try {
  const served = { url: await source.line(), sha256: await source.line() };
  console.log(`${BYTES / 1e9} GB, ${ROUNDS} rounds, medians; MB/s with sha256 and synced to the disk for ingle\n`);
  const tables = (process.env.TABLES ?? "direct,proxy,resume").split(",");
  const columns = ["runtime", "curl", "curl + sync", "ingle", "of curl", "of curl + sync", "MiB above idle"];
  const times = ["p99 idle, ms", "beside curl", "beside ingle"];
  const only = process.env.ONLY;
  const measured = found.filter(({ name }) => !only || name === only);
  if (tables.includes("direct")) {
    console.log(`| ${[...columns, ...times].join(" | ")} |\n|${" - |".repeat(columns.length + times.length)}`);
    for (const runtime of measured) console.log(await measure(runtime, served));
  }
  if (tables.includes("resume")) {
    console.log("\n| resumed by sha256 alone | of curl | of curl + sync | of curl + sync + sha256 |\n| - | - | - | - |");
    for (const runtime of measured) console.log(await measureResumed(runtime, served));
  }
  if (tables.includes("proxy")) {
    const proxy = start(node.command, node.name, [file("./download-proxy.ts"), new URL(served.url).port, folder]);
    try {
      const address = await proxy.line();
      const of_curl = "of curl | of curl + sync | of curl + sync + sha256";
      console.log(`\n| behind a proxy | https, ${of_curl} | http, ${of_curl} |\n|${" - |".repeat(7)}`);
      for (const runtime of measured) console.log(await measureProxied(runtime, served, address));
    } finally {
      await stop(proxy);
    }
  }
} finally {
  await stop(source);
  rmSync(folder, { recursive: true, force: true });
}
