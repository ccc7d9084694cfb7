// The process of one llama-server: its start, its output and its end, which comes with the end of ingle at the latest.
import { spawn, type ChildProcess } from "node:child_process";
import { AdapterError } from "../adapter.ts";
import type { ThreadWaiting } from "../load-options.ts";
import { loadFailure } from "../shared/load-failure.ts";
import { childEnvironment, exitReason, forEachLine, onEnd } from "../shared/subprocess.ts";
import type { WatchdogLimits } from "../shared/watchdog.ts";

export interface LlamaServerProcessOptions {
  /** Path of the program. */
  program: string;
  args: string[];
  /** The API key, which only ingle and this process know. */
  key: string;
  env: Record<string, string | undefined>;
  log: (line: string) => void;
  /** As `LoadOptions` has it, and its command line. */
  waiting?: ThreadWaiting | undefined;
  /** Called for each line of output. */
  onLine: (line: string) => void;
}

/** In milliseconds. */
export interface LlamaServerLimits extends WatchdogLimits {
  /** How long a slot may go on working for a client that has left. */
  cancel: number;
  /** Saving or restoring one state. */
  state: number;
  /** Looking at the chat template, at the start. */
  template: number;
}

export interface ProcessEnd {
  /** Null after a signal. */
  code: number | null;
  /** `code 1`, `signal SIGABRT`, or what the system says of a program that cannot be started. */
  how: string;
  /** The first lines of the output that are no mere information or warning, without their prefixes. */
  lines: string[];
}

// llama-server survives its parent. The shell that becomes llama-server therefore leaves a watcher behind, which reads from a pipe whose
// other end ingle holds and kills llama-server when ingle is gone. No other process can have the same id by then: the watcher is still in
// the process group of that id. Windows would need a job object.
const EXEC_WITH_WATCHER = `exec 3<&0; (read -r end <&3; kill -9 $$) >/dev/null 2>&1 & exec 3<&-; exec "$@" </dev/null`;
// A thread of a program that is built with OpenMP waits spinning, by OpenMP's own default for milliseconds: while another program wants its core,
// such a wait lasts a whole time slice. These are about 10 µs; sleeping at once would slow down an idle machine.
// https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
const SPINS: Record<ThreadWaiting, Record<string, string>> = { briefly: { GOMP_SPINCOUNT: "5000" }, long: {} };
const MOST_LINES = 20;

export function startLlamaServer({ program, args, key, env, log, waiting = "briefly", onLine }: LlamaServerProcessOptions) {
  const child = spawnGuarded(program, args, { ...SPINS[waiting], ...childEnvironment(env), LLAMA_API_KEY: key });
  const address = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<ProcessEnd>();
  const lines: string[] = [];
  const latest: string[] = [];
  let terminating = false;

  const read = (line: string): void => {
    onLine(line);
    const found = /listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
    if (found !== undefined) address.resolve(found);
    const { level, text } = parseLogLine(line);
    if (/^E?$/.test(level) && lines.length < MOST_LINES) lines.push(text);
    if (level !== "I" && latest.push(line) > MOST_LINES) latest.shift();
  };
  const end = (code: number | null, how: string): void => {
    // After an orderly end these lines are about requests, which may hold private text.
    if (!terminating) for (const line of latest.splice(0)) log(line);
    // Ends the watcher.
    child.stdin!.destroy();
    ended.resolve({ code, how, lines });
  };
  child.stdin!.on("error", () => {});
  forEachLine(child.stderr!, read);
  child.on("error", ({ message }) => end(null, message));
  onEnd(child, (code, signal) => end(code, exitReason(code, signal)));
  return {
    /** Undefined where it could not be started. */
    pid: child.pid,
    /** URL of the server once its model is loaded; pending for ever where the process ends before. */
    address: address.promise,
    /** Never rejects. */
    ended: ended.promise,
    /** SIGTERM lets the server end its work. */
    signal(name: "SIGTERM" | "SIGKILL"): void {
      terminating ||= name === "SIGTERM";
      child.kill(name);
    },
  };
}

/** A process group of its own keeps Ctrl-C away, which reaches the whole group of ingle: ingle decides when its engines end. */
function spawnGuarded(program: string, args: string[], env: Record<string, string>): ChildProcess {
  const options = { env, stdio: ["pipe", "ignore", "pipe"] as ["pipe", "ignore", "pipe"], windowsHide: true, detached: true };
  if (process.platform === "win32") return spawn(program, args, { ...options, detached: false });
  return spawn("/bin/sh", ["-c", EXEC_WITH_WATCHER, "ingle-engine", program, ...args], options);
}

/** llama-server's lines read `0.00.040.430 E srv    load_model: failed`; the system and libraries print others. */
function parseLogLine(line: string): { level: string; text: string } {
  const [, level = "", text = line] = /^[\d.]+ ([A-Z]) (.*)$/.exec(line) ?? [];
  return { level, text: text.replace(/^(srv|cmn|slot|chat|spec) +/, "").trim() };
}

/** Why a model could not be loaded, as far as the server printed it. */
export function loadError(id: string, path: string, { code, how, lines }: ProcessEnd): AdapterError {
  if (code === 126 || code === 127) {
    return new AdapterError("engine_unavailable", `llama-server cannot be started: it ended with ${how}.`);
  }
  return loadFailure({ id, path, lines, otherwise: `the engine ended with ${how} while reading it` });
}
