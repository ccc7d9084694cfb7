// The process of one llama-server: its start, what it prints, its end, and that it does not outlive ingle.
import { spawn, type ChildProcess } from "node:child_process";
import { AdapterError } from "../adapter.ts";
import { forEachLine, exitReason, childEnvironment } from "../shared/subprocess.ts";

export interface StartOptions {
  binary: string;
  args: string[];
  /** What no other program is to see. */
  key: string;
  env: Record<string, string | undefined>;
  log: (line: string) => void;
  /** Any line is a sign of life. */
  onLine: () => void;
}

export interface Server {
  /** Where it listens, once its model is loaded; pending for ever where it ends before. */
  address: Promise<string>;
  /** Never rejects. */
  ended: Promise<Ended>;
  /** Lets it end its work, or not. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

/** `code` is null after a signal. */
export interface Ended {
  code: number | null;
  /** `code 1`, `signal SIGABRT`, or what the system says of a program that cannot be started. */
  how: string;
  /** Lines of errors that it printed, the first ones, without their prefixes. */
  errors: string[];
}

// llama-server goes on when the one who started it dies. So the shell that becomes it leaves a watcher behind, which reads a pipe whose
// other end is ingle's: that ends with ingle. No other process can have got the number meanwhile, as the watcher is still in the group
// that bears it. Windows would need a job object for this.
const GUARD = `exec 3<&0; (read -r end <&3; kill -9 $$) >/dev/null 2>&1 & exec 3<&-; exec "$@" </dev/null`;
// Threads that wait for each other spin, hundreds of times a token. Where another program wants a core too, a wait then lasts a time slice,
// so they are to sleep after some 10 µs. Sleeping at once halves the speed of an idle machine; spinning for longer, as the library does by
// itself, gains nothing there and costs up to nine tenths of a busy one's.
const PATIENT_THREADS = { GOMP_SPINCOUNT: "5000" };
const MOST_ERRORS = 20;
const LAST_LINES_MS = 200;

export function startServer({ binary, args, key, env, log, onLine }: StartOptions): Server {
  const process = spawned(binary, args, { ...PATIENT_THREADS, ...childEnvironment(env), LLAMA_API_KEY: key });
  const address = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<Ended>();
  const errors: string[] = [];
  const latest: string[] = [];
  let asked = false;

  const read = (line: string): void => {
    onLine();
    const found = /listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
    if (found !== undefined) address.resolve(found);
    const { level, text } = parsed(line);
    if (level === "E" && errors.length < MOST_ERRORS) errors.push(text);
    if (level !== "I" && latest.push(line) > MOST_ERRORS) latest.shift();
  };
  const end = (code: number | null, how: string): void => {
    // What it said before is about requests, and they hold what is nobody's business.
    if (!asked) for (const line of latest.splice(0)) log(line);
    process.stdin!.destroy(); // Of the watcher: it has nothing to watch any more.
    ended.resolve({ code, how, errors });
  };
  process.stdin!.on("error", () => {});
  forEachLine(process.stderr!, read);
  process.on("error", ({ message }) => end(null, message));
  // What it printed last may come after its end, and whoever else holds its pipe must not matter.
  process.on("exit", (code, signal) => setTimeout(() => end(code, exitReason(code, signal)), LAST_LINES_MS));
  process.on("close", (code, signal) => end(code, exitReason(code, signal)));
  return {
    address: address.promise,
    ended: ended.promise,
    signal(name) {
      asked ||= name === "SIGTERM";
      process.kill(name);
    },
  };
}

/** In a group of its own: Ctrl-C reaches the whole group of ingle, and ingle decides when its engines go. */
function spawned(binary: string, args: string[], env: Record<string, string>): ChildProcess {
  const options = { env, stdio: ["pipe", "ignore", "pipe"] as ["pipe", "ignore", "pipe"], windowsHide: true, detached: true };
  if (globalThis.process.platform === "win32") return spawn(binary, args, { ...options, detached: false });
  return spawn("/bin/sh", ["-c", GUARD, "ingle-engine", binary, ...args], options);
}

/** Its lines read `0.00.040.430 E srv    load_model: failed`; others come from the system and from what it is built on. */
function parsed(line: string): { level: string; text: string } {
  const [, level = "", text = line] = /^[\d.]+ ([A-Z]) (.*)$/.exec(line) ?? [];
  return { level, text: text.replace(/^(srv|cmn|slot|chat|spec) +/, "").trim() };
}

const LONGEST_REASON = 300;

/** Why a model could not be loaded, of what the server printed. `path` is nobody's business. */
export function loadFailure(id: string, path: string, { code, how, errors }: Ended): AdapterError {
  if (code === 126 || code === 127) {
    return new AdapterError("engine_unavailable", `llama-server cannot be started: it ended with ${how}.`);
  }
  const said = errors
    .slice(0, 2)
    .map((line) => line.replaceAll(path, "its file"))
    .join("; ");
  const reason = said === "" ? `the engine ended with ${how} while reading it` : said.slice(0, LONGEST_REASON);
  return new AdapterError("model_load_failed", `Model "${id}" cannot be loaded: ${reason}.`);
}
