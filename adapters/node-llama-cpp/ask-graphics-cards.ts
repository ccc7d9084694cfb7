// Asks the embedded engine for its graphics cards, in a process of its own: drivers may end it.
import { execFile } from "node:child_process";
import type { GraphicsCard } from "../../models/graphics-cards.ts";
import { childEnvironment } from "../shared/subprocess.ts";

/** For a library of several hundred MB from a slow disk, and drivers that have slept. */
const ASK_MS = 20_000;

export interface HostCommand {
  program: string;
  args: string[];
  env?: Record<string, string>;
}

/** `host`: runs `ingle engine-host node-llama-cpp`. Throws where it does not answer. */
export function askGraphicsCards(host: HostCommand, env: Record<string, string | undefined>): Promise<GraphicsCard[]> {
  const options = { timeout: ASK_MS, killSignal: "SIGKILL", windowsHide: true } as const;
  const all = { ...childEnvironment(env), ...host.env };
  return new Promise((resolve, reject) => {
    execFile(host.program, [...host.args, "--cards"], { ...options, env: all }, (error, stdout) => {
      if (error !== null)
        reject(new Error(error.killed ? `it gave no answer within ${ASK_MS / 1000} s` : "its library does not load"));
      else resolve(JSON.parse(stdout.trim().split("\n").at(-1)!) as GraphicsCard[]);
    });
  });
}
