// Where a llama-server that ingle has built lies.
import { homedir } from "node:os";
import { join } from "node:path";

/** Absolute path, also where nothing was built: one place for each release of llama.cpp. */
export function cachedBinary(release: string, { XDG_CACHE_HOME, HOME }: Record<string, string | undefined>): string {
  const cache = XDG_CACHE_HOME || join(HOME || homedir(), ".cache");
  return join(cache, "ingle", "llama-server", release, process.platform === "win32" ? "llama-server.exe" : "llama-server");
}
