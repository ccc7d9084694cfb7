// Which processor this is: what was compiled, tried or timed on another one says nothing of it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch, cpus } from "node:os";

let known: string | undefined;

/** The model of the processor, and a digest of the instructions that it knows. */
export const processorName = (): string => (known ??= readName());

function readName(): string {
  const [, features = ""] = /^((?:flags|Features)\s*:.*)$/m.exec(readInfo()) ?? [];
  return `${arch()} ${cpus()[0]?.model ?? ""} ${createHash("sha256").update(features).digest("hex").slice(0, 16)}`;
}

function readInfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
