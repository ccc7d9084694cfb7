// `npm run sizes`: writes how large the packages are that a first start fetches, into src/launch/package-sizes.json. What is known is kept.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isUnused } from "../../src/launch/prune-node.mjs";
import { isLarge, nameOf, neededPackages, type Lock } from "../../src/launch/needed-packages.mjs";
import known from "../../src/launch/package-sizes.json" with { type: "json" };

const ROOT = join(import.meta.dirname, "../..");
const TABLE = join(ROOT, "src/launch/package-sizes.json");
/** A machine that needs no runtime: the packages beside the large ones are the same everywhere. */
const REST = { runtimes: [], machine: { platform: "linux", arch: "x64", libc: "glibc", graphics: [] } } as const;

const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock;
const specifierOf = (path: string): string => `${nameOf(path)}@${packages[path]?.version}`;

type Size = [fetched: number, installed: number];
const large = Object.keys(packages).filter((path) => isLarge(nameOf(path)));
const sizes: Record<string, Size> = {};
for (const specifier of large.map(specifierOf)) {
  const size = (known as unknown as Record<string, Size>)[specifier] ?? sizeOf(specifier);
  if (size) sizes[specifier] = size;
  else console.error(`${specifier} is not to be had, and left out.`);
}
const rest = [...neededPackages(packages, REST)]
  .filter((path) => !isLarge(nameOf(path)))
  .map((path) => sizeOf(specifierOf(path)));
const sum = (index: 0 | 1): number => rest.reduce((total, size) => total + (size?.[index] ?? 0), 0);
writeFileSync(TABLE, `${JSON.stringify({ ...sizes, rest: [sum(0), sum(1)] }, null, 2)}\n`);

/** Undefined where the registry lacks it. */
function sizeOf(specifier: string): Size | undefined {
  const words = ["pack", specifier, "--dry-run", "--json", "--ignore-scripts", "--loglevel=silent"];
  const { status, stdout } = spawnSync("npm", words, {
    encoding: "utf8",
    shell: process.platform === "win32",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) return undefined;
  const [{ size, name, files }] = Object.values(JSON.parse(stdout) as object) as [Packed];
  const kept = files.filter(({ path }) => !isUnused(name, path));
  return [size, kept.reduce((total, file) => total + file.size, 0)];
}

/** What npm says of a package. */
interface Packed {
  name: string;
  size: number;
  files: { path: string; size: number }[];
}
