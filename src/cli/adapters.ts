// Which adapter runs a model, and how the process of one is started.
import { fileURLToPath } from "node:url";
import type { Adapter } from "../../adapters/adapter.ts";
import { child } from "../../adapters/child.ts";
import { echo } from "../../adapters/echo.ts";
import { upstream } from "../../adapters/upstream.ts";
import { ABOUT as EMBEDDED } from "../../adapters/node-llama-cpp/about.ts";
import type { Model } from "../../models/model.ts";
import type { Config } from "../config.ts";
import { findRuntime, runtimeEnv } from "../runtimes.mjs";

const main = fileURLToPath(new URL("../main.ts", import.meta.url).href);

// Strangers' templates run in the engine's process: this bounds what they can take before that process ends.
const HEAP_MB = 1024;

/** What runs a model. `log` gets the lines that engines write on their standard error. */
export function createAdapters({ adapter }: Pick<Config, "adapter">, log: (line: string) => void): (model: Model) => Adapter {
  if (adapter === "echo") {
    const only = echo();
    return () => only;
  }
  const embedded = child({ inside: EMBEDDED, command: () => engineProcess(EMBEDDED.name), env: process.env, log });
  const remote = upstream({ env: process.env, log });
  return (model) => (model.upstream === undefined ? embedded : remote);
}

/**
 * Node with a single pool thread computes about twice as fast as the other runtimes: there, the threads that run native jobs
 * do not fight the ones that compute.
 */
function engineProcess(adapter: string): { program: string; args: string[]; env?: Record<string, string> } {
  const host = [main, "engine-host", adapter];
  const [node, ...flags] = findRuntime("node") ?? [];
  if (node !== undefined) {
    return {
      program: node,
      args: [...flags, `--max-old-space-size=${HEAP_MB}`, ...host],
      env: { ...runtimeEnv("node"), UV_THREADPOOL_SIZE: "1" },
    };
  }
  const [own, ...rest] = findRuntime(process.versions.bun === undefined ? "deno" : "bun") ?? [process.execPath];
  return { program: own!, args: [...rest, ...host] };
}
