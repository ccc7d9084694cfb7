// Checks of the hardware and of the runtimes.
import { readFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, release } from "node:os";
import { availableMemory, totalMemory } from "../../../models/machine-memory.ts";
import type { Config } from "../../server/settings.ts";
import { formatBytes } from "../../support/quantities.ts";
import { findRuntime, RUNTIMES, type RuntimeName } from "../../launch/runtimes.mjs";
import { CARRIED } from "../../executable/carried.ts";
import { runProgram, isAccessible, type Finding } from "./finding.ts";

/** The instruction sets that llama.cpp computes with, by the names of /proc/cpuinfo. */
const INSTRUCTIONS =
  /^(avx|avx2|fma|f16c|avx512f|avx512_vnni|avx_vnni|avx512_bf16|amx_int8|amx_bf16|asimd|asimddp|i8mm|sve|sve2|bf16)$/;

export async function checkProcessor(): Promise<Finding> {
  const [first] = cpus();
  const cores = `${availableParallelism()} of ${cpus().length} cores may be used`;
  const sets = await instructionSets();
  const says = [`${first?.model.trim() ?? "unknown"}, ${arch()}, ${cores}`, ...(sets ? [`computes with ${sets}`] : [])].join(
    "; ",
  );
  if (arch() !== "x64" || sets === undefined || /\bavx2\b/.test(sets)) return { about: "processor", state: "good", says };
  return { about: "processor", state: "missing", says: `${says}; it has no avx2, so that answers come slowly` };
}

/** Undefined where the system does not say. */
async function instructionSets(): Promise<string | undefined> {
  const text = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1];
  return flags === undefined
    ? undefined
    : flags
        .split(" ")
        .filter((flag) => INSTRUCTIONS.test(flag))
        .join(" ");
}

export function checkMemory(): Finding {
  const left = availableMemory();
  const says = `${formatBytes(left)} of ${formatBytes(totalMemory())} are left`;
  if (left > 1e9) return { about: "memory", state: "good", says };
  return { about: "memory", state: "missing", says: `${says}: only the smallest models fit`, mend: "Close other programs." };
}

export async function checkGraphics(): Promise<Finding> {
  const cards = await nvidiaCards();
  const others = (await Promise.all([isAccessible("/dev/kfd", 0), isAccessible("/dev/dri", 0)])).map((there, i) =>
    there ? ["/dev/kfd", "/dev/dri"][i]! : "",
  );
  const seen = [...cards, ...others.filter(Boolean), ...(platform() === "darwin" && arch() === "arm64" ? ["Metal"] : [])];
  return { about: "graphics card", state: "good", says: seen.length === 0 ? "none: the processor computes" : seen.join(", ") };
}

async function nvidiaCards(): Promise<string[]> {
  const { found, ok, text, why } = await runProgram("nvidia-smi", ["--query-gpu=name,memory.total", "--format=csv,noheader"]);
  if (!found) return [];
  return ok ? text.split("\n") : [`nvidia-smi is here, but ${why}`];
}

export function checkSystem(version: string): Finding {
  const { bun, deno, node } = process.versions;
  const on = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`;
  return { about: "ingle", state: "good", says: `${version} on ${on}, ${platform()} ${release()}` };
}

/** Executables carry their runtime and get no finding. */
export async function checkRuntimes(): Promise<Finding[]> {
  return CARRIED === undefined ? Promise.all(RUNTIMES.map(checkRuntime)) : [];
}

const CONSEQUENCE: Record<RuntimeName, string> = {
  node: "engines compute about half as fast without it",
  bun: "ingle runs on another one",
  deno: "ingle runs on another one",
};

async function checkRuntime(name: RuntimeName): Promise<Finding> {
  const about = `runtime ${name}`;
  const [binary] = findRuntime(name) ?? [];
  if (binary === undefined) {
    const mend = name === "node" ? "Install Node 22.18 or newer, and have it on the PATH." : undefined;
    return { about, state: name === "node" ? "missing" : "good", says: `not here: ${CONSEQUENCE[name]}`, ...(mend && { mend }) };
  }
  const { ok, text, why } = await runProgram(binary, ["--version"]);
  if (ok) return { about, state: "good", says: `${text.split("\n")[0]} at ${binary}` };
  return { about, state: "missing", says: `${binary} does not run: ${why}` };
}

/** Only Deno withholds permissions that its user has. */
export function checkPermissions({ data }: Pick<Config, "data">): Finding[] {
  const { Deno } = globalThis as { Deno?: { permissions: { querySync(of: Permission): { state: string } } } };
  if (Deno === undefined) return [];
  const files: Permission[] = [
    { name: "read", path: data },
    { name: "write", path: data },
  ];
  const needed: Permission[] = [...files, ...["net", "env", "run"].map((name) => ({ name })), { name: "sys", kind: "hostname" }];
  const kept = needed.filter((one) => Deno.permissions.querySync(one).state !== "granted").map(({ name }) => name);
  if (kept.length === 0) return [{ about: "permissions", state: "good", says: "all that ingle needs are granted" }];
  return [{ about: "permissions", state: "broken", says: `Deno withholds ${kept.join(", ")}`, mend: "deno task serve" }];
}

interface Permission {
  name: string;
  path?: string;
  kind?: string;
}
