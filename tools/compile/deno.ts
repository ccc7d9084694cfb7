// `npm run compile:deno`: ingle as one file, made by Deno. It needs denort, the runtime that becomes the executable.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { CarriedPart } from "../../src/executable/unpack.ts";
import { findRuntime } from "../../src/launch/runtimes.mjs";
import { carriedForDeno } from "./carried-module.ts";
import { CompileError } from "./error.ts";
import { gatherParts } from "./gather.ts";
import { runCompile, type CompileOptions } from "./options.ts";
import { findThreadFiles } from "./thread-files.ts";

const root = join(import.meta.dirname, "../..");

/**
 * What an executable may do. Models and the data folder lie where the user says, and an engine is another program; native code runs
 * in this one only where the embedded engine is carried.
 */
export function denoPermissions(parts: readonly CarriedPart[]): string[] {
  const sys = "--allow-sys=homedir,hostname,uid,cpus,systemMemoryInfo,setPriority,statfs";
  const always = ["--no-prompt", "--allow-net", "--allow-env", "--allow-read", "--allow-write", "--allow-run", sys];
  return parts.some(({ name }) => name === "node-llama-cpp") ? [...always, "--allow-ffi"] : always;
}

/**
 * Puts into `folder` what is compiled beside the sources: the parts, the module that names them, and a configuration that puts it in
 * the place of the one without any. Answers with the flags for `deno compile` and `deno run`.
 */
export function prepareDenoCompile(parts: readonly CarriedPart[], folder: string): { run: string[]; include: string[] } {
  const store = join(folder, "parts");
  mkdirSync(store, { recursive: true });
  const names = new Map(parts.flatMap(({ files }) => files.map(({ from, sha256 }) => [from, sha256] as const)));
  for (const [from, sha256] of names) copyFileSync(from, join(store, sha256));
  const carried = carriedForDeno(parts, (from) => `./parts/${names.get(from)}`);
  writeFileSync(join(folder, "carried.ts"), carried);
  const config = join(folder, "deno.json");
  const imports = { [relative(folder, join(root, "src/executable/carried.ts")).replaceAll(sep, "/")]: "./carried.ts" };
  writeFileSync(config, JSON.stringify({ nodeModulesDir: "manual", unstable: ["no-legacy-abort"], imports }));
  const files = [...findThreadFiles(root), ...(parts.length > 0 ? [store] : [])];
  return { run: [`--config=${config}`, ...denoPermissions(parts)], include: files.map((path) => `--include=${path}`) };
}

async function compile(options: CompileOptions): Promise<void> {
  const [deno] = findRuntime("deno") ?? [];
  if (deno === undefined) throw new CompileError("There is no Deno on this machine.");
  const folder = join(root, "dist/deno");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { run, include } = prepareDenoCompile(await gatherParts(options, folder), folder);
  const { target, outfile } = options;
  const args = ["compile", "--no-check", ...run, ...include, `--target=${target.deno}`, `--output=${outfile}`, "src/main.ts"];
  const { status, stderr } = spawnSync(deno, args, { cwd: root, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  if (status === 0) return console.log(outfile);
  const last = stderr.split("\n\nStack backtrace")[0]!.trim().split("\n").slice(-5).join("\n");
  if (!/denort|download/i.test(stderr)) throw new CompileError(`deno compile failed:\n${last}`);
  throw new CompileError(
    `What is missing is denort for ${target.deno}, of the version of ${deno}: the runtime that becomes the executable. ` +
      `Deno downloads it where it can; else put it here and name it in DENORT_BIN. Deno said:\n${last}`,
  );
}

if (import.meta.main) await runCompile(join(root, "dist/by-deno"), compile);
