// The engines that an executable carries, unpacked when a model is loaded; where nothing is carried, those that are installed.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AdapterError } from "../../adapters/adapter.ts";
import { findLlamaServer, locateLlamaServer, type FindOptions } from "../../adapters/llama-server/find-program.ts";
import { CARRIED } from "./carried.ts";
import { unpack } from "./unpack.ts";

/** The carried llama-server, which is of the release that this ingle was made for; undefined where another is named. */
const carriedLlamaServer = ({ named }: FindOptions) => (named === undefined ? CARRIED?.parts["llama-server"] : undefined);

export function hasLlamaServer(place: FindOptions): boolean {
  return carriedLlamaServer(place) !== undefined || locateLlamaServer(place) !== undefined;
}

/** True also where the package is not installed: its first import finds that out. */
export function hasNodeLlamaCpp(): boolean {
  return CARRIED === undefined || CARRIED.parts["node-llama-cpp"] !== undefined;
}

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
  const message = "This executable carries no such engine. Name a llama-server with --llama-server.";
  throw new AdapterError("engine_unavailable", message);
}
