// How long until the server listens, and what it takes at rest; no model is loaded.
import { readFileSync } from "node:fs";
import { runtimeEnv } from "../../../src/launch/runtimes.mjs";
import { startServer } from "../../support/server.ts";
import { median, type Line } from "./report.ts";
import { wantedRuntimes } from "./subjects.ts";

const REST_MS = 500;

export async function starts(times: number): Promise<Line[]> {
  const lines: Line[] = [];
  for (const runtime of wantedRuntimes()) {
    const ms: number[] = [];
    const memory: number[] = [];
    for (let i = 0; i < times; i++) {
      const started = performance.now();
      const server = await startServer(runtime, [], { env: runtimeEnv(runtime.name) });
      ms.push(performance.now() - started);
      await new Promise((done) => setTimeout(done, REST_MS));
      memory.push(resident(server.pid));
      await server.stop();
    }
    lines.push({ what: `start until it listens, ${runtime.name}`, value: `${median(ms).toFixed(0)} ms` });
    lines.push({ what: `memory at rest, ${runtime.name}`, value: `${median(memory).toFixed(0)} MB` });
  }
  return lines;
}

function resident(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1000;
}
