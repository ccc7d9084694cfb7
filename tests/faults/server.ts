// A server on a runtime, in a process that can be watched and killed: see worker.ts.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { LOCK_FILE } from "../../src/storage/file-names.ts";
import type { Runtime } from "../support/runtimes.ts";
import type { Request } from "./operations.ts";
import type { Answer, Command } from "./worker.ts";

export interface FaultyServer {
  pid: number;
  /** What its temporary files have in their names. */
  token: string;
  /** Undefined where it ended without an answer. Rejects when it does neither. */
  ask(clock: number, request: Request): Promise<Answer | undefined>;
  /** Resolves with the signal that ended it. */
  kill(): Promise<NodeJS.Signals | number | null>;
}

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));
const PATIENCE_MS = 30_000;

export async function startFaulty({ command }: Runtime, folder: string): Promise<FaultyServer> {
  const [binary = "", ...flags] = command;
  // One thread is all it needs, and the fewer there are the clearer is which call of theirs is the k-th.
  const env = { ...process.env, UV_THREADPOOL_SIZE: "1" };
  const child = spawn(binary, [...flags, WORKER, folder], { env, stdio: ["pipe", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (complaints += text));
  // A request may be on its way to what has just been killed.
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
    child.on("close", (code, signal) => resolve(signal ?? code));
  });
  const answer = async (): Promise<Answer | undefined> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No answer within ${PATIENCE_MS / 1000} s. ${complaints}`)), PATIENCE_MS);
    });
    const next = await Promise.race([lines.next(), late]).finally(() => clearTimeout(timer));
    return next.done === true ? undefined : (JSON.parse(next.value) as Answer);
  };
  if ((await answer()) === undefined) throw new Error(`The server did not start. ${complaints}`);
  return {
    pid: child.pid!,
    token: (JSON.parse(readFileSync(join(folder, LOCK_FILE), "utf8")) as { token: string }).token,
    ask(clock, request) {
      child.stdin.write(`${JSON.stringify({ clock, ...request } satisfies Command)}\n`);
      return answer();
    },
    kill() {
      child.kill("SIGKILL");
      return ended;
    },
  };
}
