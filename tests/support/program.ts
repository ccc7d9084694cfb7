// The program and its launcher, run to their end.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { runtimes } from "./runtimes.ts";
import { cleanEnv, MAIN } from "./server.ts";

/** The fastest runtime that is there: what they do differently is for other tests. */
export const RUNTIME = runtimes().find(({ skip }) => skip === undefined)!;
export const PROGRAM = [...RUNTIME.command, MAIN];
export const LAUNCHER = ["node", fileURLToPath(new URL("../../src/ingle.mjs", import.meta.url))];

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** When one that hangs is killed; absent: after three minutes. */
  patience_ms?: number;
}

/** Runs a command without any setting of ours in its environment but those given. */
export function run(
  [binary = "", ...words]: string[],
  { stdin = "", env = {}, cwd, patience_ms = 180_000 }: RunOptions = {},
): Promise<Ended> {
  const child = spawn(binary, words, { env: cleanEnv(env), cwd, stdio: "pipe", timeout: patience_ms, killSignal: "SIGKILL" });
  const result: Ended = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => (result.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (result.stderr += text));
  child.stdin.on("error", () => {}).end(stdin);
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ ...result, code }));
  });
}
