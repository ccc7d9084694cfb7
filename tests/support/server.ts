// The real program as its users start it: `src/main.ts serve` in a process of its own, on any runtime.
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { childrenOf } from "./processes.ts";
import type { Runtime } from "./runtimes.ts";

export const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** How a process ended: its exit code, or the signal that ended it. */
export type End = number | NodeJS.Signals;

export interface Server {
  url: string;
  pid: number;
  /** The lines of standard output so far. */
  stdout: string[];
  /** The lines of standard error so far. */
  stderr: string[];
  ended: Promise<End>;
  /** Posts a chat request; `signal` leaves it. */
  chat(body: object, signal?: AbortSignal): Promise<Response>;
  /** The processes of engines that it has started and that still run. */
  children(): number[];
  kill(signal: NodeJS.Signals): void;
  /** Resolves once a line of standard error, past or to come, matches; rejects when the server ends before. */
  says(line: RegExp): Promise<void>;
  /** Sends a signal and waits for the end; one that has ended already is fine. What hangs is killed and answers `SIGKILL`. */
  stop(signal?: NodeJS.Signals): Promise<End>;
}

export interface ServerOptions {
  /** Beside the environment of the tests, from which every setting of ingle is taken out. */
  env?: Record<string, string>;
  data?: string;
  /** It leads a process group: a signal to `-pid` reaches its children too. */
  own_group?: boolean;
  /** Where it is started; absent: here. */
  cwd?: string;
  /** Takes standard error instead of `Server.stderr`. */
  stderr_file?: string;
}

// For machines under load; a server takes well below a second.
const START_MS = 60_000;
const STOP_MS = 30_000;

/** Resolves once it listens; rejects with its standard error when it does not. End it with `stop()`, whatever happens. */
export function startServer({ command }: Runtime, args: string[] = [], options: ServerOptions = {}): Promise<Server> {
  return startProgram([...command, MAIN], args, options);
}

/** The same of a program that needs no runtime. */
export async function startProgram(
  [binary = "", ...flags]: string[],
  args: string[] = [],
  options: ServerOptions = {},
): Promise<Server> {
  // A folder of its own unless one is given: two servers never share one.
  const { env, data = await mkdtemp(join(tmpdir(), "ingle-server-")), own_group = false, cwd, stderr_file } = options;
  const words = ["serve", "--port", "0", "--data", data, ...args];
  const log = stderr_file === undefined ? "pipe" : openSync(stderr_file, "a");
  const child = spawn(binary, [...flags, ...words], {
    env: cleanEnv(env),
    cwd,
    stdio: ["ignore", "pipe", log],
    detached: own_group,
  });
  if (typeof log === "number") closeSync(log);
  const stdout: string[] = [];
  const stderr: string[] = [];
  const watchers = new Set<() => void>();
  const wake = () => watchers.forEach((watcher) => watcher());
  if (child.stderr) createInterface({ input: child.stderr }).on("line", (line) => (stderr.push(line), wake()));
  let over = false;
  const ended = new Promise<End>((resolve, reject) => {
    child.on("error", reject).on("close", (code, signal) => ((over = true), wake(), resolve(code ?? signal!)));
  });
  const kill = (signal: NodeJS.Signals) => void (over || child.kill(signal));
  const printed = createInterface({ input: child.stdout! }).on("line", (line) => stdout.push(line));
  const url = await listening(printed, ended).catch((error: Error) => {
    kill("SIGKILL");
    throw new Error(`${error.message}\n${stderr.join("\n")}`, { cause: error });
  });
  return {
    url,
    pid: child.pid!,
    stdout,
    stderr,
    ended,
    chat: (body, signal) =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: signal ?? null,
      }),
    children: () => childrenOf(child.pid!, "prompt-host"),
    kill,
    says: (line) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = stderr.some((text) => line.test(text));
          if (!found && !over) return;
          watchers.delete(check);
          if (found) resolve();
          else reject(new Error(`The server ended and never said ${line}:\n${stderr.join("\n")}`));
        };
        watchers.add(check);
        check();
      }),
    async stop(signal = "SIGTERM") {
      kill(signal);
      const timer = setTimeout(() => kill("SIGKILL"), STOP_MS);
      return ended.finally(() => clearTimeout(timer));
    },
  };
}

/** The environment of a program that shall see no setting of ours but those given. */
export function cleanEnv(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("INGLE_"));
  // The same engine whether or not this machine has a llama-server; tests of that one say so.
  // Remedies are the same however the tests are started.
  const usual = { NO_COLOR: "1", INGLE_ADAPTER: "node-llama-cpp", INGLE_CALLED_AS: "ingle" };
  return { ...Object.fromEntries(kept), ...usual, ...more };
}

/** Asks until the answer is yes; rejects, with what was waited for, when it never is. */
export async function eventually(what: string, check: () => boolean | Promise<boolean>, ms = 30_000, every = 50): Promise<void> {
  const end = Date.now() + ms;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`Not within ${ms / 1000} s: ${what}.`);
    await new Promise((done) => setTimeout(done, every));
  }
}

async function listening(stdout: NodeJS.EventEmitter, ended: Promise<unknown>): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const found = new Promise<string>((resolve) => {
    stdout.on("line", (line) => {
      const url = /^ingle \S+ is listening on (\S+)$/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The server does not listen after ${START_MS / 1000} s.`)), START_MS);
  });
  const gone = ended.then((end) => Promise.reject(new Error(`The server ended with ${String(end)} before it listened.`)));
  return Promise.race([found, late, gone]).finally(() => clearTimeout(timer));
}
