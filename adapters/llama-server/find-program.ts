// Where the llama-server of this machine is, and whether it runs.
import type { ExecFileException } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { AdapterError } from "../adapter.ts";
import { childEnvironment } from "../shared/subprocess.ts";
import { cachedBinary } from "./build/cached-build.ts";
import { carriedSource } from "./build/llama-cpp-source.ts";

export interface FindOptions {
  /** The path that the settings name; then no other program is looked for. */
  named?: string | undefined;
  env: Record<string, string | undefined>;
  /** Milliseconds that printing its version may take. */
  version_ms?: number;
}

const NAME = process.platform === "win32" ? "llama-server.exe" : "llama-server";

/** The program that is named, else one on the PATH, else ingle's own build; undefined where there is none. Nothing is run to find it. */
export function locateLlamaServer({ named, env }: FindOptions): string | undefined {
  if (named !== undefined) return named;
  return onPath(env.PATH) ?? ownBuild(env);
}

function ownBuild(env: FindOptions["env"]): string | undefined {
  try {
    const built = cachedBinary(carriedSource().release, env);
    return isThere(built) ? built : undefined;
  } catch {
    return undefined; // A single executable has no source, and so no release to look for.
  }
}

const NO_PROGRAM = 'There is no llama-server. "ingle engine build llama-server" makes one; --llama-server names another.';

/** Why no program can run, as a sentence for the owner with a way out; undefined where there is one. Nothing is run to find out. */
export function missingLlamaServer(options: FindOptions): string | undefined {
  const path = locateLlamaServer(options);
  if (path === undefined) return NO_PROGRAM;
  if (isThere(path)) return undefined;
  return `There is no program at ${path}, which --llama-server names. Name another, or leave it out and run "ingle engine build llama-server".`;
}

/** Path of a program that runs. Throws `AdapterError` `engine_unavailable`. */
export async function findLlamaServer(options: FindOptions): Promise<string> {
  const path = locateLlamaServer(options);
  if (path === undefined) throw unavailable(NO_PROGRAM);
  await checkVersion(path, options.env, options.version_ms ?? VERSION_MS);
  return path;
}

function onPath(path = ""): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, NAME))
    .find(isThere);
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const VERSION_MS = 10_000;

/** Runs `--version`, so that a file that is not a program of this system, or lacks a library, is found before a load. */
async function checkVersion(path: string, env: FindOptions["env"], timeout: number): Promise<void> {
  const { error, output } = await runVersion(path, env, timeout);
  const hangs = error?.killed ? `it does not print its version within ${timeout / 1000} s` : undefined;
  const public_message = "The llama-server of this server cannot be used. Its log says why.";
  if (error !== null)
    throw unavailable(`The llama-server at ${path} cannot be used: ${hangs ?? startFailure(error, output)}.`, public_message);
  if (!/^version: /m.test(output))
    throw unavailable(`The program at ${path} is not a llama-server: it does not print its version.`, public_message);
}

interface VersionOutput {
  error: ExecFileException | null;
  output: string;
}

async function runVersion(path: string, env: FindOptions["env"], timeout: number): Promise<VersionOutput> {
  const { execFile } = await import("node:child_process");
  const options = { env: childEnvironment(env), timeout, killSignal: "SIGKILL", windowsHide: true } as const;
  return new Promise((resolve) => {
    try {
      execFile(path, ["--version"], options, (error, stdout, stderr) => resolve({ error, output: stdout + stderr }));
    } catch (error) {
      resolve({ error: error as ExecFileException, output: "" }); // Bun throws for a file that is not a program.
    }
  });
}

const SYSTEM_ERRORS: Record<string, string> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be run",
  EPERM: "it may not be run",
  ENOEXEC: "it is not a program of this system",
};

function startFailure(error: ExecFileException, output: string): string {
  const reason = SYSTEM_ERRORS[String(error.code)] ?? output.trim().split("\n")[0]!.slice(0, 200);
  return reason === "" ? "it does not print its version" : reason;
}

function unavailable(message: string, public_message?: string): AdapterError {
  return new AdapterError("engine_unavailable", message, { public_message, lasting: true });
}
