// Where the llama-server of this machine is, and whether it runs.
import { execFile, type ExecFileException } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { AdapterError } from "../adapter.ts";
import { childEnvironment } from "../shared/subprocess.ts";
import { cachedBinary } from "./build/cached-build.ts";
import { carriedSource } from "./build/llama-cpp-source.ts";

export interface FindOptions {
  /** What the settings name: a path. Then no other one is looked for. */
  named?: string | undefined;
  env: Record<string, string | undefined>;
  /** Milliseconds that it may take to tell its version. */
  patience?: number;
}

const NAME = process.platform === "win32" ? "llama-server.exe" : "llama-server";

/** The one that is named, else one on the PATH, else our own; undefined where there is none. Nothing is run to find it. */
export function locateLlamaServer({ named, env }: FindOptions): string | undefined {
  if (named !== undefined) return named;
  return onPath(env.PATH) ?? ownBuild(env);
}

function ownBuild(env: FindOptions["env"]): string | undefined {
  try {
    const built = cachedBinary(carriedSource().release, env);
    return isThere(built) ? built : undefined;
  } catch {
    return undefined; // A single executable has no source of which one would be built.
  }
}

/** Path of one that runs. Throws `AdapterError` `engine_unavailable`. */
export async function findLlamaServer(options: FindOptions): Promise<string> {
  const path = locateLlamaServer(options);
  if (path === undefined) {
    throw unavailable('There is no llama-server. "ingle engine build llama-server" makes one; --llama-server names another.');
  }
  await probe(path, options.env, options.patience ?? PROBE_MS);
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

const PROBE_MS = 10_000;

/** Runs `--version`: what is no program of this system, or lacks a library, is found now and not amid a load. */
async function probe(path: string, env: FindOptions["env"], patience: number): Promise<void> {
  const { error, said } = await versionOf(path, env, patience);
  const hangs = error?.killed ? `it does not tell its version within ${patience / 1000} s` : undefined;
  if (error !== null) throw unavailable(`The llama-server at ${path} cannot be used: ${hangs ?? whyNot(error, said)}.`);
  if (!/^version: /m.test(said)) throw unavailable(`The program at ${path} is no llama-server: it does not tell its version.`);
}

interface Version {
  error: ExecFileException | null;
  said: string;
}

function versionOf(path: string, env: FindOptions["env"], timeout: number): Promise<Version> {
  const options = { env: childEnvironment(env), timeout, killSignal: "SIGKILL", windowsHide: true } as const;
  return new Promise((resolve) => {
    try {
      execFile(path, ["--version"], options, (error, stdout, stderr) => resolve({ error, said: stdout + stderr }));
    } catch (error) {
      resolve({ error: error as ExecFileException, said: "" }); // On Bun, of a file that is no program.
    }
  });
}

const SAID: Record<string, string> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be run",
  EPERM: "it may not be run",
  ENOEXEC: "it is no program of this system",
};

function whyNot(error: ExecFileException, printed: string): string {
  const said = SAID[String(error.code)] ?? printed.trim().split("\n")[0]!.slice(0, 200);
  return said === "" ? "it does not tell its version" : said;
}

function unavailable(message: string): AdapterError {
  return new AdapterError("engine_unavailable", message);
}
