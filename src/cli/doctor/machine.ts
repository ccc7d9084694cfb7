// Checks of the hardware and of the runtimes.
import { readFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, release } from "node:os";
import { graphicsSigns } from "../../../models/graphics-cards.ts";
import { availableMemory, totalMemory } from "../../../models/machine-memory.ts";
import type { Config } from "../../server/settings.ts";
import { formatBytes } from "../../support/quantities.ts";
import { NEEDED_NODE } from "../../launch/node-version.mjs";
import { findRuntime, RUNTIMES, type RuntimeName } from "../../launch/runtimes.mjs";
import { CARRIED } from "../../executable/carried.ts";
import { findingsAbout, runProgram, type Finding } from "./finding.ts";

/** The instruction sets that llama.cpp computes with, by the names of /proc/cpuinfo. */
const INSTRUCTIONS =
  /^(avx|avx2|fma|f16c|avx512f|avx512_vnni|avx_vnni|avx512_bf16|amx_int8|amx_bf16|asimd|asimddp|i8mm|sve|sve2|bf16)$/;

export async function checkProcessor(): Promise<Finding> {
  const [first] = cpus();
  const cores = `${availableParallelism()} of ${cpus().length} cores may be used`;
  const sets = await instructionSets();
  const says = `${first?.model.trim() ?? "unknown"}, ${arch()}, ${cores}${sets ? `; computes with ${sets}` : ""}`;
  const { good, missing } = findingsAbout("processor");
  const slow = arch() === "x64" && sets !== undefined && !/\bavx2\b/.test(sets);
  return slow ? missing(`${says}; it has no avx2, so that answers come slowly`) : good(says);
}

/** Undefined where the system does not say. */
async function instructionSets(): Promise<string | undefined> {
  const text = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.split(" ");
  return flags?.filter((flag) => INSTRUCTIONS.test(flag)).join(" ");
}

export function checkMemory(): Finding {
  const left = availableMemory();
  const says = `${formatBytes(left)} of ${formatBytes(totalMemory())} are left`;
  const { good, missing } = findingsAbout("memory");
  return left > 1e9 ? good(says) : missing(`${says}: only the smallest models fit`, "Close other programs.");
}

export async function checkGraphics(): Promise<Finding> {
  const cards = await nvidiaCards();
  const seen = [...cards, ...graphicsSigns()];
  return findingsAbout("graphics card").good(seen.join(", ") || "none: the processor computes");
}

async function nvidiaCards(): Promise<string[]> {
  const { found, ok, text, why } = await runProgram("nvidia-smi", ["--query-gpu=name,memory.total", "--format=csv,noheader"]);
  if (!found) return [];
  return ok ? text.split("\n") : [`nvidia-smi is here, but ${why}`];
}

export function checkSystem(version: string): Finding {
  const { bun, deno, node } = process.versions;
  const on = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`;
  return findingsAbout("ingle").good(`${version} on ${on}, ${platform()} ${release()}`);
}

/** Executables carry their runtime and get no finding. */
export async function checkRuntimes(): Promise<Finding[]> {
  return CARRIED === undefined ? Promise.all(RUNTIMES.map(checkRuntime)) : [];
}

async function checkRuntime(name: RuntimeName): Promise<Finding> {
  const { good, missing } = findingsAbout(`runtime ${name}`);
  const [binary] = findRuntime(name) ?? [];
  if (binary === undefined) {
    if (name !== "node") return good("not here: ingle runs on another one");
    const mend = `Install Node ${NEEDED_NODE} or newer, and have it on the PATH.`;
    return missing("not here: engines compute about half as fast without it", mend);
  }
  const { ok, text, why } = await runProgram(binary, ["--version"]);
  return ok ? good(`${text.split("\n")[0]} at ${binary}`) : missing(`${binary} does not run: ${why}`);
}

/** Only Deno withholds permissions that its user has. */
export function checkPermissions({ data }: Pick<Config, "data">): Finding[] {
  const { Deno } = globalThis as { Deno?: { permissions: { querySync(of: Permission): { state: string } } } };
  if (Deno === undefined) return [];
  const files = ["read", "write"].map((name) => ({ name, path: data }));
  const needed: Permission[] = [...files, ...["net", "env", "run"].map((name) => ({ name })), { name: "sys", kind: "hostname" }];
  const kept = needed.filter((one) => Deno.permissions.querySync(one).state !== "granted").map(({ name }) => name);
  const { good, broken } = findingsAbout("permissions");
  if (kept.length === 0) return [good("all that ingle needs are granted")];
  return [broken(`Deno withholds ${kept.join(", ")}`, "deno task serve")];
}

type Permission = { name: string; path?: string; kind?: string };
