// Where a llama-server that ingle has built lies.
import { homedir } from "node:os";
import { join } from "node:path";

export type Env = Record<string, string | undefined>;

/** The folder of everything that ingle can make or fetch again. */
export function cacheFolder({ XDG_CACHE_HOME, HOME }: Env): string {
  return join(XDG_CACHE_HOME || join(HOME || homedir(), ".cache"), "ingle");
}

/** Absolute path, also where nothing was built: one place for each release of llama.cpp. */
export function cachedBinary(release: string, env: Env): string {
  return join(cacheFolder(env), "llama-server", release, process.platform === "win32" ? "llama-server.exe" : "llama-server");
}

/** The one that runs on other machines too, in a folder with its libraries. */
export function portableBinary(release: string, env: Env): string {
  return cachedBinary(`${release}-portable`, env);
}
