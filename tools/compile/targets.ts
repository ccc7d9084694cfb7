// The machines that ingle can be compiled for, and what each of them takes.
import { readFileSync } from "node:fs";

type Format = "ELF" | "Mach-O" | "PE";
type Architecture = "x64" | "arm64";

export interface Target {
  name: string;
  /** As Bun and Deno call it. */
  bun: `bun-${"linux" | "darwin" | "windows"}-${Architecture}`;
  deno: string;
  format: Format;
  machine: Architecture;
  /** npm package of node-llama-cpp's binaries, and their folder in it. */
  native: string;
  folder: string;
  exe: "" | ".exe";
}

const SUPPORTED = [
  target("linux-x64", "x86_64-unknown-linux-gnu", "ELF", "linux-x64"),
  target("linux-arm64", "aarch64-unknown-linux-gnu", "ELF", "linux-arm64"),
  target("darwin-x64", "x86_64-apple-darwin", "Mach-O", "mac-x64"),
  target("darwin-arm64", "aarch64-apple-darwin", "Mach-O", "mac-arm64-metal"),
  target("windows-x64", "x86_64-pc-windows-msvc", "PE", "win-x64"),
];

function target(name: string, deno: string, format: Format, folder: string): Target {
  const machine = name.endsWith("x64") ? "x64" : "arm64";
  const bun = `bun-${name}` as Target["bun"];
  const native = `@node-llama-cpp/${folder}`;
  return { name, bun, deno, format, machine, native, folder, exe: format === "PE" ? ".exe" : "" };
}

export const TARGETS: ReadonlyMap<string, Target> = new Map(SUPPORTED.map((one) => [one.name, one]));

/** The machine that compiles, by its name among the targets. */
export const HOST = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;

/** What a file with code for a machine is; undefined for any other file. */
export function binaryFormat(path: string): { format: Format; machine: Architecture | "other" } | undefined {
  const bytes = readFileSync(path);
  if (bytes.length < 64) return undefined;
  if (bytes.readUInt32BE(0) === 0x7f454c46) return { format: "ELF", machine: ELF[bytes.readUInt16LE(18)] ?? "other" };
  if (bytes.readUInt32LE(0) === 0xfeedfacf) return { format: "Mach-O", machine: MACH_O[bytes.readUInt32LE(4)] ?? "other" };
  if (bytes.readUInt16BE(0) !== 0x4d5a) return undefined;
  const header = bytes.readUInt32LE(60);
  return { format: "PE", machine: PE[bytes.readUInt16LE(header + 4)] ?? "other" };
}

// e_machine, cputype and IMAGE_FILE_HEADER.Machine.
const ELF: Record<number, Architecture> = { 62: "x64", 183: "arm64" };
const MACH_O: Record<number, Architecture> = { 0x01000007: "x64", 0x0100000c: "arm64" };
const PE: Record<number, Architecture> = { 0x8664: "x64", 0xaa64: "arm64" };
