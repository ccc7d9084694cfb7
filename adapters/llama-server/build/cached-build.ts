// Where a llama-server that ingle has built lies.
import { join } from "node:path";
import { absoluteFolder, homeFolder } from "../../../models/absolute-path.ts";

export type Env = Record<string, string | undefined>;

/** The folder of everything that ingle can make or fetch again, as an absolute path. Throws `PathError`. */
export function cacheFolder({ XDG_CACHE_HOME, HOME }: Env): string {
  return join(XDG_CACHE_HOME ? absoluteFolder(XDG_CACHE_HOME, "XDG_CACHE_HOME") : join(HOME || homeFolder(), ".cache"), "ingle");
}

/** Absolute path, also where nothing was built; each release of llama.cpp has its own. */
export function cachedBinary(release: string, env: Env): string {
  return join(cacheFolder(env), "llama-server", release, process.platform === "win32" ? "llama-server.exe" : "llama-server");
}

/**
 * The program that runs on other machines too, in a folder with its libraries. A machine cannot try the libraries of other processors, so
 * the number grows with each change of the compiler's flags, and older builds are made anew.
 */
export function portableBinary(release: string, env: Env): string {
  return cachedBinary(`${release}-portable-2`, env);
}
