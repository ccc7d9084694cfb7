// The engines that an executable carries, unpacked when a model is loaded; where nothing is carried, those that are installed.
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { AdapterError } from "../../adapters/adapter.ts";
import { isNative, type NativeAddon } from "../../adapters/prompt-process/native.ts";
import {
  findLlamaServer,
  locateLlamaServer,
  missingLlamaServer,
  type FindOptions,
} from "../../adapters/llama-server/find-program.ts";
import { packageVersion } from "../../adapters/node-llama-cpp/package-version.ts";
import { CARRIED } from "./carried.ts";
import { unpack } from "./unpack.ts";

const require = createRequire(import.meta.url);

const NOT_CARRIED = "This executable carries no such engine. Name a llama-server with --llama-server.";

/** The carried llama-server, which is of the release that this ingle was made for; undefined where another is named. */
const carriedLlamaServer = ({ named }: FindOptions) => (named === undefined ? CARRIED?.parts["llama-server"] : undefined);

export function hasLlamaServer(place: FindOptions): boolean {
  return carriedLlamaServer(place) !== undefined || locateLlamaServer(place) !== undefined;
}

/** As `missingLlamaServer`, where none is carried. */
export const missingProgram = (place: FindOptions): string | undefined =>
  carriedLlamaServer(place) === undefined ? missingLlamaServer(place) : undefined;

/** Tells the llama-server to run from another one, by its file; undefined where that cannot be looked at. Nothing is run or unpacked for it. */
export function llamaServerBuild(place: FindOptions): string | undefined {
  const part = carriedLlamaServer(place);
  if (part !== undefined) return part.sha256;
  try {
    const path = realpathSync(locateLlamaServer(place) ?? "");
    const { size, mtimeMs } = statSync(path);
    return JSON.stringify({ path, size, mtime_ms: Math.trunc(mtimeMs) });
  } catch {
    return undefined;
  }
}

/** The same of the library. */
export const nodeLlamaCppBuild = (): string | undefined =>
  CARRIED === undefined ? packageVersion() : CARRIED.parts["node-llama-cpp"]?.sha256;

export const hasNodeLlamaCpp = (): boolean => missingNodeLlamaCpp() === undefined;

/** Why the embedded engine cannot run, as a sentence for the owner with a way out; undefined where its library is there. Nothing is loaded for it. */
export function missingNodeLlamaCpp(): string | undefined {
  if (CARRIED !== undefined) return CARRIED.parts["node-llama-cpp"] === undefined ? NOT_CARRIED : undefined;
  try {
    const own = dirname(dirname(require.resolve("node-llama-cpp")));
    const variants = readdirSync(join(dirname(own), "@node-llama-cpp"));
    if (variants.some((name) => name.startsWith(buildFolder())) || existsSync(join(own, "llama/localBuilds"))) return undefined;
  } catch {
    // The folder of its builds is not there, or the package itself.
  }
  return `The engine's library for this machine, @node-llama-cpp/${buildFolder()}, could not be installed. Run "${REINSTALL}".`;
}

/** The command that tries once more what npm has passed over, as the library is optional. A command of all folders needs `--global` too. */
export const REINSTALL = existsSync(new URL("../../package-lock.json", import.meta.url))
  ? "npm run setup"
  : "npm install --include=optional ingle";

/** Path of the llama-server to run. Throws `AdapterError`. */
export async function llamaServerProgram(place: FindOptions): Promise<string> {
  const part = carriedLlamaServer(place);
  if (part === undefined) return findLlamaServer(place);
  return join(await unpack(part, place.env), process.platform === "win32" ? "llama-server.exe" : "llama-server");
}

/** The module node-llama-cpp: the carried one, else the package. Throws `AdapterError` in an executable that carries none. */
export async function nodeLlamaCppModule(env: FindOptions["env"]): Promise<typeof import("node-llama-cpp")> {
  if (CARRIED === undefined) return import("node-llama-cpp");
  const part = CARRIED.parts["node-llama-cpp"];
  if (part !== undefined) return import(pathToFileURL(join(await unpack(part, env), "library/dist/index.js")).href);
  throw new AdapterError("engine_unavailable", NOT_CARRIED);
}

/**
 * The native library of node-llama-cpp alone, which is there in a tenth of the time of the module and a third of its memory. Undefined where
 * this machine has none that loads.
 */
export async function nativeAddon(env: FindOptions["env"]): Promise<NativeAddon | undefined> {
  try {
    const own = CARRIED === undefined ? dirname(dirname(require.resolve("node-llama-cpp"))) : await carriedLibrary(env);
    if (own === undefined) return undefined;
    const addon = addonPlaces(own).map(loaded).find(isNative) ?? (await addonOfModule(env));
    addon?.setLoggerLogLevel(LOG_ERRORS);
    addon?.setLogger((_, message) => console.error(`llama.cpp: ${message.trimEnd()}`));
    return addon;
  } catch (error) {
    console.error(`llama.cpp's library does not load: ${(error as Error).message}`);
    return undefined;
  }
}

const LOG_ERRORS = 2;

async function carriedLibrary(env: FindOptions["env"]): Promise<string | undefined> {
  const part = CARRIED?.parts["node-llama-cpp"];
  return part && join(await unpack(part, env), "library");
}

/** Where node-llama-cpp looks for a library without a graphics processor: in itself, else in the package for this machine. */
function addonPlaces(own: string): string[] {
  const folder = buildFolder();
  return [own, join(dirname(own), "@node-llama-cpp", folder)].map((place) => join(place, "bins", folder, "llama-addon.node"));
}

function buildFolder(): string {
  const os = { darwin: "mac", win32: "win" }[process.platform as string] ?? process.platform;
  return `${os}-${process.arch}${os === "mac" && process.arch === "arm64" ? "-metal" : ""}`;
}

function loaded(path: string): unknown {
  try {
    return require(path);
  } catch {
    return undefined;
  }
}

/** One that was built on this machine lies elsewhere. */
async function addonOfModule(env: FindOptions["env"]): Promise<NativeAddon | undefined> {
  const { getLlama, LlamaLogLevel } = await nodeLlamaCppModule(env);
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
  });
  const { _bindings } = llama as unknown as { _bindings: unknown };
  return isNative(_bindings) ? _bindings : undefined;
}
