// `npm run bench`: ingle over HTTP on every runtime beside node-llama-cpp's bare loop, same model, same prompts, same run.
// Rounds are interleaved, so that what else the machine does hits all alike; the table holds medians.
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findRuntime, runtimeEnv } from "../../src/runtimes.mjs";
import { KEPT_DATA, realModel } from "../support/real-model.ts";
import { runtimes, type Runtime } from "../support/runtimes.ts";
import type { Run } from "./bare-loop.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MAX_TOKENS = 128;
const STREAMS = [1, 2, 4];
const STARTS = 9;
const FIRST_TOKENS = 15;
const CONTEXT = "2048";

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url).href);
const question = (i: number): string => `Tell me a long story about a king, his castle and the number ${i}.`;
const SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
// The bare loop gets the text that the model's chat template makes of the same messages.
const rendered = (i: number): string =>
  `<|im_start|>system\n${SYSTEM}<|im_end|>\n<|im_start|>user\n${question(i)}<|im_end|>\n<|im_start|>assistant\n`;

interface Subject {
  name: string;
  run(streams: number, max_tokens: number): Promise<Run>;
  stop(): Promise<void>;
}

async function bareLoop(path: string): Promise<Subject> {
  const [node, ...flags] = findRuntime("node")!;
  const child = spawn(node!, [...flags, file("./bare-loop.ts"), path, "4", CONTEXT], {
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  await line(lines);
  return {
    name: "bare loop",
    async run(streams, max_tokens) {
      const prompts = Array.from({ length: streams }, (_, i) => rendered(i));
      child.stdin.write(`${JSON.stringify({ prompts, max_tokens })}\n`);
      return JSON.parse(await line(lines)) as Run;
    },
    async stop() {
      child.stdin.end();
      await exit(child);
    },
  };
}

async function ingle(runtime: Runtime): Promise<Subject> {
  const { child, url } = await startServer(runtime, ["--data", KEPT_DATA, "--context", CONTEXT]);
  return {
    name: `ingle on ${runtime.name}`,
    async run(streams, max_tokens) {
      const started = performance.now();
      const answers = await Promise.all(Array.from({ length: streams }, (_, i) => stream(url, i, max_tokens)));
      return {
        tokens: answers.reduce((sum, { tokens }) => sum + tokens, 0),
        ms: performance.now() - started,
        first_ms: answers.map(({ first_ms }) => first_ms),
      };
    },
    async stop() {
      child.kill("SIGTERM");
      await exit(child);
    },
  };
}

// A seed: the same answer in each round, and a prompt that is read in full as the bare loop reads it. The client is a bare socket:
// what it takes of the processor is not ingle's.
function stream(url: string, seed: number, max_tokens: number): Promise<{ tokens: number; first_ms: number }> {
  const body = JSON.stringify({
    messages: [{ role: "user", content: question(seed) }],
    max_tokens,
    temperature: 0.7,
    seed,
    stream: true,
    stream_options: { include_usage: true },
  });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n`;
  const { hostname, port } = new URL(url);
  return new Promise((done, fail) => {
    const started = performance.now();
    const socket = connect(Number(port), hostname);
    let first_ms = 0;
    let end = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      // The role comes with the first token.
      if (first_ms === 0 && text.includes("data:")) first_ms = performance.now() - started;
      end = (end + text).slice(-1000);
    });
    socket.on("error", fail).on("close", () => {
      const tokens = /"completion_tokens":(\d+)/.exec(end)?.[1];
      if (tokens === undefined) fail(new Error(end));
      else done({ tokens: Number(tokens), first_ms });
    });
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  });
}

async function startServer(
  { name, command }: Runtime,
  args: string[],
): Promise<{ child: ChildProcess; url: string; ms: number }> {
  const started = performance.now();
  const [program, ...rest] = [...command, file("../../src/main.ts"), "serve", "--port", "0", ...args];
  const env = { ...process.env, ...runtimeEnv(name) };
  const child = spawn(program!, rest, { env, stdio: ["ignore", "pipe", "ignore"] });
  const greeting = await line(createInterface({ input: child.stdout }));
  return { child, url: greeting.split(" ").at(-1)!, ms: performance.now() - started };
}

const line = (lines: Interface): Promise<string> => new Promise((done) => lines.once("line", done));
const exit = (child: ChildProcess): Promise<unknown> => new Promise((done) => child.once("exit", done));

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

async function speed(): Promise<void> {
  const model = await realModel();
  const here = runtimes().filter(({ skip }) => skip === undefined);
  const subjects = [await bareLoop(model.path), ...(await Promise.all(here.map(ingle)))];
  const results = new Map(subjects.map(({ name }) => [name, STREAMS.map((): Run[] => [])]));
  const firsts = new Map(subjects.map(({ name }) => [name, [] as number[]]));
  // Each round begins with another subject.
  const inTurn = (round: number) => subjects.map((_, at) => subjects[(at + round) % subjects.length]!);
  for (const subject of subjects) await subject.run(1, 8); // loads the model
  for (let round = 0; round < FIRST_TOKENS; round++) {
    for (const subject of inTurn(round)) firsts.get(subject.name)!.push((await subject.run(1, 1)).first_ms[0]!);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, streams] of STREAMS.entries()) {
      for (const subject of inTurn(round)) results.get(subject.name)![i]!.push(await subject.run(streams, MAX_TOKENS));
    }
  }
  await Promise.all(subjects.map((subject) => subject.stop()));

  const rate = (runs: Run[]): number => median(runs.map(({ tokens, ms }) => (tokens / ms) * 1000));
  const first = (name: string): number => median(firsts.get(name)!);
  const bare = results.get("bare loop")!;
  const head = ["", ...STREAMS.map((n) => `${n} stream${n > 1 ? "s" : ""}, tokens/s`), "first token, ms"];
  const rows = [...results].map(([name, runs]) => [
    name,
    ...runs.map((each, i) => `${rate(each).toFixed(1)} (${(rate(each) / rate(bare[i]!)).toFixed(2)} ×)`),
    `${first(name).toFixed(1)} (${signed(first(name) - first("bare loop"))})`,
  ]);
  print(`Chat, ${MAX_TOKENS} tokens an answer, median of ${ROUNDS} rounds`, [head, ...rows]);
}

async function start(): Promise<void> {
  const rows = [["", "until it listens, ms", "memory at rest, MB"]];
  for (const runtime of runtimes().filter(({ skip }) => skip === undefined)) {
    const times: number[] = [];
    const memory: number[] = [];
    for (let i = 0; i < STARTS; i++) {
      const { child, ms } = await startServer(runtime, ["--data", KEPT_DATA]);
      await new Promise((done) => setTimeout(done, 500));
      times.push(ms);
      memory.push(resident(child.pid!));
      child.kill("SIGTERM");
      await exit(child);
    }
    rows.push([`ingle on ${runtime.name}`, median(times).toFixed(0), median(memory).toFixed(0)]);
  }
  print(`Start, model not loaded, median of ${STARTS}`, rows);
}

function resident(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1000;
}

const signed = (ms: number): string => `${ms < 0 ? "−" : "+"}${Math.abs(ms).toFixed(1)}`;

function print(title: string, rows: string[][]): void {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`);
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  console.log(`\n${title}\n\n${lines.join("\n")}`);
}

await start();
await speed();
