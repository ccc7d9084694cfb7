// Gathers the native parts that an executable is to carry, and checks that they are for its machine.
import { hash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { portableBinary } from "../../adapters/llama-server/build/cached-build.ts";
import { carriedSource } from "../../adapters/llama-server/build/llama-cpp-source.ts";
import type { CarriedPart, CarriedPartName } from "../../src/executable/unpack.ts";
import { CompileError } from "./error.ts";
import { fetchNpmPackage } from "./npm-package.ts";
import { binaryFormat, HOST, type Target } from "./targets.ts";

const require = createRequire(import.meta.url);

/** Path in the part to path on this machine. */
type PartPaths = Map<string, string>;

/** Where the llama-server for a target is that runs on other machines too: `given`, else the one that ingle has built here. */
export function llamaServerFolder({ name, exe }: Target, given: string | undefined): string | undefined {
  const folder = given ?? dirname(portableBinary(carriedSource().release, process.env));
  if (existsSync(join(folder, `llama-server${exe}`))) return given !== undefined || name === HOST ? folder : undefined;
  if (given !== undefined) throw new CompileError(`${given} has no llama-server${exe} in it.`);
  return undefined;
}

export function llamaServerPart(folder: string, target: Target): CarriedPart {
  return makePart("llama-server", filesIn(folder), target);
}

/** node-llama-cpp's code as one file, `bundle`, with its binaries where it looks first: so it needs no packages around it. */
export function nodeLlamaCppPart(bundle: string, target: Target): CarriedPart {
  const own = dirname(dirname(require.resolve("node-llama-cpp")));
  const manifest = join(own, "package.json");
  const files: PartPaths = new Map([["library/dist/index.js", bundle]]);
  // node-llama-cpp looks for its own version two folders up from where a module was before all of them became one file.
  for (const path of ["package.json", "library/package.json"]) files.set(path, manifest);
  for (const name of ["binariesGithubRelease.json", "llama.cpp.info.json"])
    files.set(`library/llama/${name}`, join(own, "llama", name));
  for (const [path, from] of filesIn(nativeFolder(own, target))) files.set(`library/bins/${target.folder}/${path}`, from);
  return makePart("node-llama-cpp", files, target);
}

function nativeFolder(own: string, { native, folder }: Target): string {
  // In a clone the package lies beside node-llama-cpp; npm leaves out what is for other machines.
  const installed = join(dirname(own), native, "bins", folder);
  return existsSync(installed) ? installed : join(fetchNpmPackage(native, version(own)), "bins", folder);
}

const version = (own: string): string => JSON.parse(readFileSync(join(own, "package.json"), "utf8")).version;

function filesIn(folder: string): PartPaths {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [path.slice(folder.length + 1).replaceAll(sep, "/"), path]));
}

function makePart(name: CarriedPartName, from: PartPaths, target: Target): CarriedPart {
  for (const path of from.values()) checkArchitecture(path, target);
  const files = [...from].map(([path, from]) => {
    const bytes = readFileSync(from);
    return { path, bytes: bytes.length, sha256: hash("sha256", bytes), from };
  });
  const content = JSON.stringify(files.map(({ path, bytes, sha256 }) => [path, bytes, sha256]));
  return { name, sha256: hash("sha256", content), files };
}

function checkArchitecture(path: string, { name, format, machine }: Target): void {
  const found = binaryFormat(path);
  if (found === undefined || (found.format === format && found.machine === machine)) return;
  throw new CompileError(`${path} is ${found.format} for ${found.machine}; ${name} takes ${format} for ${machine}.`);
}
