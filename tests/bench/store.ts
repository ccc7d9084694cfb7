// `npm run bench:store`: the durable store over HTTP beside the raw primitive on the same disk, on every runtime, in one run.
// Rounds are interleaved, so that what else the disk does hits all alike; the tables hold medians.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { newId } from "../../src/support/ids.ts";
import { runtimeEnv } from "../../src/launch/runtimes.mjs";
import { runtimes, type Runtime } from "../support/runtimes.ts";
import { get, load, post } from "./load.ts";
import { processorTime } from "./processor-time.ts";
import type { RawRun } from "./raw-writes.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const WIDE = 64;
const WRITES = { one: 200, wide: 1280 };
const MANY_MESSAGES = 100_000;
const MANY_THREADS = 50_000;
/** Short turns, and many of them: a processor that is shared changes its speed from one second to the next. */
const READS = 3_000;
const READ_ROUNDS = ROUNDS * 12;
/** Rounds until everything is compiled. */
const WARM_UP = 10;
const STARTS = 7;

const SAID = { role: "user", content: "How does AI work? Explain it in simple terms, please, as if I were ten years old." };
const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url).href);
const folder = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "ingle-bench-"));

type Filled = ReturnType<typeof fill>;

interface Process {
  child: ChildProcess;
  lines: AsyncIterator<string>;
  /** Until its first line, in milliseconds. */
  ms: number;
  url: string;
}

async function start({ name, command }: Runtime, script: string, args: string[]): Promise<Process> {
  const [program = "", ...flags] = command;
  const env = { ...process.env, ...runtimeEnv(name) };
  const started = performance.now();
  const child = spawn(program, [...flags, script, ...args], { env, stdio: ["pipe", "pipe", openSync(join(folder, "log"), "a")] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { child, lines, ms: 0, url: "", ...(await firstLine(script, lines, started)) };
}

/** The raw primitive says nothing until it is asked. */
async function firstLine(script: string, lines: AsyncIterator<string>, started: number) {
  if (script.endsWith("raw-writes.ts")) return {};
  const url = (await lines.next()).value.split(" ").at(-1)!;
  return { url, ms: performance.now() - started };
}

const serve = (runtime: Runtime, data: string, ...more: string[]) =>
  start(runtime, file("../../src/main.ts"), ["serve", "--port", "0", "--adapter", "echo", "--data", data, ...more]);

async function stop({ child }: Process): Promise<void> {
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await ended;
}

async function made(url: string, path: string, body: object): Promise<{ id: string }> {
  const res = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await res.json()) as { id: string };
}

async function writes(runtime: Runtime): Promise<string[]> {
  const data = join(folder, `writes-${runtime.name}`);
  const server = await serve(runtime, data);
  const raw = await start(runtime, file("./raw-writes.ts"), []);
  const threads: string[] = [];
  for (let i = 0; i < WIDE; i++) threads.push((await made(server.url, "/v1/threads", {})).id);
  const path = (i: number): string => `/v1/threads/${threads[i]}/messages`;
  const { id } = await made(server.url, path(0), SAID);
  const bytes = readFileSync(join(data, "messages", threads[0]!, `${id}.json`)).length;
  const ask = async (run: Omit<RawRun, "folder" | "bytes">): Promise<number> => {
    raw.child.stdin!.write(`${JSON.stringify({ ...run, bytes, folder: join(data, "..") })}\n`);
    return Number((await raw.lines.next()).value);
  };
  const found: Record<string, number[]> = {};
  const note = (name: string, value: number): void => void (found[name] ??= []).push(value);
  for (let round = 0; round < ROUNDS + 1; round++) {
    for (const [wide, count] of [
      [1, WRITES.one],
      [WIDE, WRITES.wide],
    ] as const) {
      const primitive = await ask({ wide, writes: count });
      const request = (i: number): string => post(path(i), SAID);
      const { per_second, ms } = await load({ url: server.url, wide, requests: count, request });
      // The first round warms up.
      if (round === 0) continue;
      note(`raw ${wide}`, primitive);
      note(`ingle ${wide}`, per_second);
      note(`ratio ${wide}`, per_second / primitive);
      note(`p50 ${wide}`, percentile(ms, 0.5));
      note(`p99 ${wide}`, percentile(ms, 0.99));
    }
  }
  await stop(server);
  raw.child.stdin!.end();
  const cells = [1, WIDE].flatMap((wide) => {
    const of = (name: string): number => median(found[`${name} ${wide}`]!);
    return [
      `${of("raw").toFixed(0)}`,
      `${of("ingle").toFixed(0)} (${of("ratio").toFixed(2)} ×)`,
      `${of("p50").toFixed(1)} / ${of("p99").toFixed(1)}`,
    ];
  });
  return [runtime.name, ...cells];
}

/** A data folder written past the store, without a sync: what is read is the same. Answers with the ids of its threads. */
function fill(name: string, threads: number[]): { data: string; ids: string[] } {
  const data = join(folder, name);
  const record = (base: string, value: { id: string; [field: string]: unknown }): void =>
    writeFileSync(join(data, base, `${value.id}.json`), `${JSON.stringify(value, null, 2)}\n`);
  mkdirSync(join(data, "threads"), { recursive: true });
  writeFileSync(join(data, "ingle.json"), '{"format":1}\n');
  const ids = threads.map((messages) => {
    const id = newId("thread_");
    const fields = { title: "T", created_at: 1_700_000_000, assistants: [{ assistant_id: "jan" }], metadata: {} };
    record("threads", { id, object: "thread", ...fields });
    if (messages > 0) mkdirSync(join(data, "messages", id), { recursive: true });
    for (let i = 0; i < messages; i++) record(`messages/${id}`, message(newId("msg_"), id, i));
    return id;
  });
  return { data, ids };
}

function message(id: string, thread_id: string, i: number) {
  return {
    ...{ id, object: "thread.message", created_at: 1_700_000_000, thread_id, role: i % 2 ? "assistant" : "user" },
    content: [{ type: "text", text: { value: `${SAID.content} ${i}`, annotations: [] } }],
    ...{ file_ids: [], assistant_id: null, run_id: null, metadata: {}, status: "completed", completed_at: 1_700_000_000 },
  };
}

async function pages(runtime: Runtime, talks: Filled, many: Filled): Promise<string[]> {
  const [talking, listing] = [await serve(runtime, talks.data), await serve(runtime, many.data)];
  const [large, small] = talks.ids;
  const asked = {
    large: [talking, `/v1/threads/${large}/messages`],
    small: [talking, `/v1/threads/${small}/messages`],
    threads: [listing, "/v1/threads?limit=20"],
  } as const;
  const cold: Record<string, number> = {};
  const warm: Record<string, number[]> = {};
  for (const [name, [{ url }, path]] of Object.entries(asked)) {
    cold[name] = (await load({ url, wide: 1, requests: 1, request: () => get(path) })).ms[0]!;
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, [{ url }, path]] of Object.entries(asked)) {
      const { ms } = await load({ url, wide: 1, requests: 200, request: () => get(path) });
      (warm[name] ??= []).push(percentile(ms, 0.5));
    }
  }
  await stop(talking);
  await stop(listing);
  const of = (name: keyof typeof asked): number => median(warm[name]!);
  return [
    runtime.name,
    of("small").toFixed(2),
    `${of("large").toFixed(2)} (${(of("large") / of("small")).toFixed(2)} ×)`,
    of("threads").toFixed(2),
    `${cold.large!.toFixed(0)} / ${cold.threads!.toFixed(0)}`,
  ];
}

async function starts(runtime: Runtime, data: string): Promise<string[]> {
  const empty = join(folder, `empty-${runtime.name}`);
  const ms: Record<string, number[]> = { empty: [], full: [] };
  const memory: Record<string, number[]> = { empty: [], full: [] };
  for (let i = 0; i < STARTS; i++) {
    for (const [name, at] of [
      ["empty", empty],
      ["full", data],
    ] as const) {
      const server = await serve(runtime, at);
      ms[name]!.push(server.ms);
      // The sweep of old temporary files has begun by then.
      await new Promise((done) => setTimeout(done, 2_500));
      if (name === "full") await fetch(`${server.url}/v1/threads?limit=20`).then((res) => res.text());
      memory[name]!.push(resident(server.child.pid!));
      await stop(server);
    }
  }
  const [none, many] = [median(ms.empty!), median(ms.full!)];
  return [
    runtime.name,
    none.toFixed(0),
    `${many.toFixed(0)} (${(many / none).toFixed(2)} ×)`,
    median(memory.empty!).toFixed(0),
    median(memory.full!).toFixed(0),
  ];
}

async function reads(runtime: Runtime): Promise<string[]> {
  const server = await serve(runtime, join(folder, "reads"));
  const { id } = await made(server.url, "/v1/threads", { title: "A thread", messages: [SAID, SAID] });
  const path = `/v1/threads/${id}`;
  const answer = await fetch(server.url + path);
  // Those that the runtime writes itself are its own.
  const { date: _, "content-length": __, ...headers } = Object.fromEntries(answer.headers);
  const bare = await start(runtime, file("./bare-hono.ts"), [await answer.text(), JSON.stringify(headers)]);
  const ratios: number[] = [];
  const rates: Record<string, number[]> = { bare: [], ingle: [] };
  for (let round = 0; round < READ_ROUNDS + WARM_UP; round++) {
    const rate = async ({ url }: Process) =>
      (await load({ url, wide: 50, requests: READS, request: () => get(path) })).per_second;
    const [plain, full] = [await rate(bare), await rate(server)];
    if (round < WARM_UP) continue;
    rates.bare!.push(plain);
    rates.ingle!.push(full);
    ratios.push(full / plain);
  }
  await stop(server);
  await stop(bare);
  return [median(rates.bare!).toFixed(0), median(rates.ingle!).toFixed(0), `${median(ratios).toFixed(2)} ×`];
}

/** What a line of the log for each request costs, by the processor time of the server. */
async function logs(runtime: Runtime): Promise<string[]> {
  const servers = [];
  for (const level of ["warn", "info"]) {
    const server = await serve(runtime, join(folder, `log-${runtime.name}-${level}`), `--log-level=${level}`);
    const { id } = await made(server.url, "/v1/threads", { title: "A thread", messages: [SAID, SAID] });
    servers.push({ server, path: `/v1/threads/${id}` });
  }
  const rounds: number[][] = [[], []];
  for (let round = 0; round < READ_ROUNDS + WARM_UP; round++) {
    for (const [side, { server, path }] of servers.entries()) {
      const before = processorTime(server.child.pid!);
      await load({ url: server.url, wide: 50, requests: READS, request: () => get(path) });
      if (round >= WARM_UP) rounds[side]!.push((processorTime(server.child.pid!) - before) / READS);
    }
  }
  for (const { server } of servers) await stop(server);
  const [quiet, logged] = rounds.map(median) as [number, number];
  const ratio = median(rounds[0]!.map((before, round) => rounds[1]![round]! / before));
  return [runtime.name, quiet.toFixed(1), logged.toFixed(1), `${ratio.toFixed(3)} ×`];
}

function resident(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1000;
}

function percentile(ascending: number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))]!;
}

function median(values: number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

function table(title: string, heads: string[], rows: string[][]): void {
  const line = (cells: string[]): string => `| ${cells.join(" | ")} |`;
  console.log(`\n${title}\n\n${[heads, heads.map(() => "---"), ...rows].map(line).join("\n")}`);
}

const here = runtimes().filter(({ skip }) => skip === undefined);
const only = (process.env.ONLY ?? "writes,pages,starts,reads,log").split(",");
try {
  if (only.includes("writes")) {
    const rows: string[][] = [];
    for (const runtime of here) rows.push(await writes(runtime));
    const heads = [
      "",
      "raw, 1 wide, /s",
      "POST message, 1 client, /s",
      "p50 / p99, ms",
      `raw, ${WIDE} wide, /s`,
      `${WIDE} clients, ${WIDE} threads, /s`,
      "p50 / p99, ms",
    ];
    table("Durable writes", heads, rows);
  }
  const many = only.includes("pages") || only.includes("starts") ? fill("many", Array(MANY_THREADS).fill(0)) : undefined;
  if (many && only.includes("pages")) {
    const talks = fill("talks", [MANY_MESSAGES, 100]);
    const rows: string[][] = [];
    for (const runtime of here) rows.push(await pages(runtime, talks, many));
    table(
      "The newest 20, warm, ms",
      ["", "of 100 messages", `of ${MANY_MESSAGES} messages`, `of ${MANY_THREADS} threads`, "cold: messages / threads"],
      rows,
    );
  }
  if (many && only.includes("starts")) {
    const rows: string[][] = [];
    for (const runtime of here) rows.push(await starts(runtime, many.data));
    table(
      `Start with ${MANY_THREADS} threads`,
      ["", "none: listens after, ms", "with them", "none: memory, MB", "with them, one page read"],
      rows,
    );
  }
  const bun = here.find(({ name }) => name === "bun");
  if (only.includes("log")) {
    const rows: string[][] = [];
    for (const runtime of here) rows.push(await logs(runtime));
    table("GET a thread, processor time of a request, µs", ["", "without a log", "with one line each", "ratio"], rows);
  }
  if (bun && only.includes("reads")) table("GET a thread, on Bun, /s", ["bare Hono", "ingle", "ratio"], [await reads(bun)]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
