// What the compile scripts take on their command line.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { CarriedPartName } from "../../src/executable/unpack.ts";
import { CompileError } from "./error.ts";
import { HOST, TARGETS, type Target } from "./targets.ts";

export interface CompileOptions {
  target: Target;
  /** Absolute path. */
  outfile: string;
  /** Absent: llama-server where there is one for the target, else node-llama-cpp. */
  carry?: CarriedPartName[];
  /** Folder of a llama-server for the target. */
  llama_server?: string;
}

const CARRY: Record<string, CarriedPartName[]> = {
  "llama-server": ["llama-server"],
  "node-llama-cpp": ["node-llama-cpp"],
  both: ["llama-server", "node-llama-cpp"],
  none: [],
};

const OPTIONS = {
  target: { type: "string", default: HOST },
  outfile: { type: "string" },
  carry: { type: "string" },
  "llama-server": { type: "string" },
} as const;

/** Compiles as this script's command line says; a failure is a sentence on standard error and an exit code. */
export async function runCompile(folder: string, compile: (options: CompileOptions) => Promise<void>): Promise<void> {
  try {
    await compile(compileOptions(process.argv.slice(2), folder));
  } catch (error) {
    console.error(error instanceof CompileError ? error.message : error);
    process.exitCode = 1;
  }
}

/** `folder` is where the executable goes unless `--outfile` says something else. */
export function compileOptions(args: string[], folder: string): CompileOptions {
  const { values } = parseOptions(args);
  const target = TARGETS.get(values.target);
  if (target === undefined) throw invalidOption("--target", values.target, [...TARGETS.keys()]);
  if (values.carry !== undefined && !Object.hasOwn(CARRY, values.carry))
    throw invalidOption("--carry", values.carry, Object.keys(CARRY));
  const name = target.name === HOST ? "ingle" : `ingle-${target.name}`;
  return {
    target,
    outfile: resolve(values.outfile ?? `${folder}/${name}${target.exe}`),
    ...(values.carry !== undefined && { carry: CARRY[values.carry]! }),
    ...(values["llama-server"] !== undefined && { llama_server: resolve(values["llama-server"]) }),
  };
}

function parseOptions(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, strict: true });
  } catch (error) {
    throw new CompileError((error as Error).message, { cause: error });
  }
}

function invalidOption(flag: string, value: string, known: string[]): CompileError {
  return new CompileError(`"${flag}" is "${value}". It must be one of ${known.join(", ")}.`);
}
