// Which release of node-llama-cpp is installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** The version of the package `node-llama-cpp`; undefined where it is not installed. */
export function packageVersion(): string | undefined {
  try {
    const main = createRequire(import.meta.url).resolve("node-llama-cpp");
    return (JSON.parse(readFileSync(join(main, "../../package.json"), "utf8")) as { version: string }).version;
  } catch {
    return undefined;
  }
}
