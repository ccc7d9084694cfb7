// The source of llama.cpp that the package node-llama-cpp carries: the very release that the embedded engine runs.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

export interface LlamaCppSource {
  /** Of llama.cpp, such as `v0.5.0`. */
  release: string;
  /** Absolute path of a git bundle. */
  bundle: string;
}

/** Throws where the package is not installed. */
export function carriedSource(): LlamaCppSource {
  const folder = join(createRequire(import.meta.url).resolve("node-llama-cpp"), "../../llama");
  const { tag } = JSON.parse(readFileSync(join(folder, "llama.cpp.info.json"), "utf8")) as { tag: string };
  return { release: tag, bundle: join(folder, "gitRelease.bundle") };
}
