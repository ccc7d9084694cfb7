// A thousand streams at once, of an engine that costs nothing: what the server itself can deliver, and what it takes for it.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { processorTime } from "../../support/processes.ts";
import type { Runtime } from "../../support/runtimes.ts";
import { TOKEN_COST } from "./decode.ts";
import { streamed } from "./prompts.ts";
import { atMost, percentile, type Line } from "./report.ts";
import { file, line, wantedRuntimes, type Client } from "./subjects.ts";

const STREAMS = 1_000;
const TOKEN_MS = 50;
const RATE_GOAL = 17_000;
const FIRST_GOAL = 600;
const MEMORY_GOAL = 350;

/** `words`: of each answer. */
export async function manyStreams(client: Client, words: number): Promise<Line[]> {
  const lines: Line[] = [];
  for (const runtime of wantedRuntimes()) lines.push(...(await measure(client, runtime, words)));
  return lines;
}

async function measure(client: Client, { name, command }: Runtime, words: number): Promise<Line[]> {
  const [program, ...flags] = command;
  const args = [...flags, file("./echo-server.ts"), `${TOKEN_MS}`, `${STREAMS}`];
  const child = spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const url = await line(createInterface({ input: child.stdout }));
    const text = Array.from({ length: words }, (_, i) => `word${i}`).join(" ");
    const ask = (streams: number) =>
      client.run({ url, bodies: Array(streams).fill(streamed([{ role: "user", content: text }], words)) });
    await ask(10);
    const before = processorTime(child.pid!);
    const outcomes = await ask(STREAMS);
    const tokens = outcomes.reduce((sum, outcome) => sum + outcome.tokens, 0);
    const per_second = (tokens / Math.max(...outcomes.map(({ ms }) => ms))) * 1000;
    const cost = ((processorTime(child.pid!) - before) / tokens) * 1000;
    const first = percentile(
      outcomes.map(({ first_ms }) => first_ms),
      0.99,
    );
    return lines(`${STREAMS} streams of echo on ${name}`, name === "bun", { per_second, first, cost, memory: peak(child.pid!) });
  } finally {
    child.kill("SIGKILL");
  }
}

function lines(what: string, goals: boolean, { per_second, first, cost, memory }: Record<string, number>): Line[] {
  const rate: Line = { what: `${what}, delivered`, value: `${per_second!.toFixed(0)} tokens/s`, against: "asked for: 20000" };
  const all: Line[] = [
    { ...rate, ratio: per_second! / 20_000, goal: `≥ ${RATE_GOAL} tokens/s`, reached: per_second! >= RATE_GOAL },
    atMost(`${what}, first token, p99`, first!, "ms", { goal: FIRST_GOAL }),
    atMost(`${what}, memory at its highest`, memory!, "MB", { goal: MEMORY_GOAL }),
    atMost(`${what}, server's processor time a token`, cost!, "µs", TOKEN_COST),
  ];
  // The goals are Bun's.
  return goals ? all : all.map(({ what, value, against }) => ({ what, value, ...(against && { against }) }));
}

function peak(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1000;
}
