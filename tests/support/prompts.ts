// Prompts of a process of their own, as a server has them.
import { fileURLToPath } from "node:url";
import { createPrompts, type PromptsOptions } from "../../adapters/prompt-process/prompts.ts";
import type { Prompts } from "../../adapters/prompts.ts";
import { findRuntime } from "../../src/launch/runtimes.mjs";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url).href);

export function promptHost(): Pick<PromptsOptions, "command"> {
  const [program = "", ...flags] = findRuntime("node") ?? [];
  return { command: () => ({ program, args: [...flags, MAIN, "prompt-host"] }) };
}

export function startPrompts(options: Partial<PromptsOptions> = {}): Prompts {
  return createPrompts({ ...promptHost(), env: process.env, log: () => {}, ...options });
}
