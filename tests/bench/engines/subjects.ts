// What is compared: ingle's server on each runtime with each of its engines, and llama-server without anything before it.
import { spawn, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { locateLlamaServer } from "../../../adapters/llama-server/find-program.ts";
import type { InstalledModel } from "../../../models/manifest.ts";
import { findRuntime, runtimeEnv } from "../../../src/launch/runtimes.mjs";
import { runtimes, type Runtime } from "../../support/runtimes.ts";
import { startServer } from "../../support/server.ts";
import type { Job, Outcome } from "./client.ts";
import { freePort } from "../../support/free-port.ts";
import { PLACE } from "../../support/llama-server-binary.ts";

/** The one that INGLE_LLAMA_SERVER names, or that ingle would take. */
export const LLAMA_SERVER = locateLlamaServer(PLACE);
export const THREADS = Number(process.env.THREADS ?? availableParallelism());

export interface Subject {
  name: string;
  url: string;
  /** The server's own process. */
  pid: number;
  /** The process that computes: of llama-server by itself the same one. */
  engine: number;
  /** Fields of its requests that keep it from using again what it read before. */
  fresh: object;
  stop(): Promise<unknown>;
}

export interface Setup {
  model: InstalledModel;
  slots: number;
  /** Tokens of one slot. */
  context: number;
}

export const DIRECT = "llama-server direct";
export const embeddedOn = (runtime: string): string => `embedded, ${runtime}`;
export const ADAPTER = "llama-server behind ingle, bun";

export const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url).href);
export const line = (lines: Interface): Promise<string> => new Promise((done) => lines.once("line", done));

/** Those of this machine and of RUNTIMES. */
export function wantedRuntimes(): Runtime[] {
  const wanted = process.env.RUNTIMES?.split(",");
  return runtimes().filter(({ name, skip }) => skip === undefined && (wanted?.includes(name) ?? true));
}

export const bun = (): Runtime => runtimes().find(({ name, skip }) => name === "bun" && skip === undefined)!;

/** A server of ingle with the model installed and loaded. */
export async function ingle(
  name: string,
  runtime: Runtime,
  { model, slots, context }: Setup,
  args: string[] = [],
): Promise<Subject> {
  const sizes = ["--slots", `${slots}`, "--context", `${context}`, "--threads", `${THREADS}`];
  const place = ["--models-dir", dirname(model.path), "--keep-alive", "-1"];
  const server = await startServer(runtime, [...sizes, ...place, ...args], { env: runtimeEnv(runtime.name) });
  const post = async (path: string, body: object): Promise<unknown> => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const res = await fetch(server.url + path, init);
    if (!res.ok) throw new Error(`${name}: ${await res.text()}`);
    return res.json();
  };
  try {
    const { id } = (await post("/v1/models", { path: model.path })) as { id: string };
    await post(`/v1/models/${id}/start`, {});
  } catch (error) {
    await server.stop();
    throw error;
  }
  const [engine] = server.children();
  return { name, url: server.url, pid: server.pid, engine: engine!, fresh: {}, stop: () => server.stop() };
}

/** The embedded engine on the runtime. */
export const embedded = (runtime: Runtime, setup: Setup): Promise<Subject> =>
  ingle(embeddedOn(runtime.name), runtime, setup, ["--adapter", "node-llama-cpp"]);

/** The adapter `llama-server`; undefined where there is no program for it. */
export async function adapter(setup: Setup): Promise<Subject | undefined> {
  if (LLAMA_SERVER === undefined) return undefined;
  return ingle(ADAPTER, bun(), setup, ["--adapter", "llama-server", "--llama-server", LLAMA_SERVER]);
}

/** llama-server by itself, with further words on its command line; undefined, and said aloud, where there is none. */
export async function direct({ model, slots, context }: Setup, more: string[] = []): Promise<Subject | undefined> {
  if (LLAMA_SERVER === undefined) {
    console.log(`Skipped, ${DIRECT}: there is no llama-server. "ingle engine build llama-server" makes one.`);
    return undefined;
  }
  const port = await freePort();
  const child = spawn(LLAMA_SERVER, [...directArgs(model.path, port, slots, context), ...more], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  await ready(url, child);
  const stop = (): Promise<unknown> => {
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    return ended;
  };
  return { name: DIRECT, url, pid: child.pid!, engine: child.pid!, fresh: { cache_prompt: false }, stop };
}

function directArgs(path: string, port: number, slots: number, context: number): string[] {
  const place = ["-m", path, "--host", "127.0.0.1", "--port", `${port}`, "--alias", "bench"];
  const sizes = ["-np", `${slots}`, "-c", `${context * slots}`, "-t", `${THREADS}`, "-tb", `${THREADS}`];
  const plain = ["--fit", "off", "--no-context-shift", "--jinja", "--no-webui", "--offline", "-sps", "0.1"];
  return [...place, ...sizes, ...plain, "--metrics", "--slots"];
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  while (
    !(await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error(`${LLAMA_SERVER} ended with ${child.exitCode} before it was ready.`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

export interface Client {
  run(job: Job): Promise<Outcome[]>;
  stop(): void;
}

export async function startClient(): Promise<Client> {
  const [node, ...flags] = findRuntime("node")!;
  const child = spawn(node!, [...flags, file("./client.ts")], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  await line(lines);
  return {
    async run(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      return JSON.parse(await line(lines)) as Outcome[];
    },
    stop: () => child.stdin.end(),
  };
}
