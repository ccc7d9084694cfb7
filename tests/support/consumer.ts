// A program of somebody else that has ingle as a dependency: the package as `npm pack` makes it, in a node_modules of its own.
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { oneAtATime } from "./one-at-a-time.ts";
import { run } from "./program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The package is built in dist/lib of the clone itself, by whoever packs it. */
export const BUILDS_PACKAGE = join(ROOT, "dist", "tests.lock");

export interface Packed {
  /** Paths within the package. */
  files: string[];
  /** Bytes of the tarball. */
  size: number;
  /** Bytes of all files. */
  unpacked: number;
  /** Absolute path of the tarball. */
  tarball: string;
}

/** `npm pack`, with all that it builds before. */
export async function pack(folder: string): Promise<Packed> {
  const command = ["npm", "pack", "--json", "--silent", "--pack-destination", folder];
  const { code, stdout, stderr } = await oneAtATime(BUILDS_PACKAGE, () => run(command, { cwd: ROOT }));
  if (code !== 0) throw new Error(`npm pack failed: ${stderr}`);
  const told: unknown = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)));
  // An array, and from npm 12 on an object by name.
  const [{ files, size, unpackedSize, filename }] = Object.values(told as object) as [PackedByNpm];
  return { files: files.map(({ path }) => path), size, unpacked: unpackedSize, tarball: join(folder, filename) };
}

interface PackedByNpm {
  files: { path: string }[];
  size: number;
  unpackedSize: number;
  filename: string;
}

export interface Consumer {
  folder: string;
  packed: Packed;
  /** The package's own folder. */
  ingle: string;
  remove(): Promise<void>;
}

/** With the programs of tests/consumer and of examples, and the packages that examples/package.json names. What ingle needs is linked. */
export async function consumer(): Promise<Consumer> {
  const parent = await mkdtemp(join(tmpdir(), "ingle-consumer-"));
  const packed = await pack(parent);
  const folder = join(parent, "program");
  for (const from of ["tests/consumer", "examples"])
    await cp(join(ROOT, from), folder, { recursive: true, filter: notInstalled });
  await done(["npm", "ci", "--ignore-scripts", "--loglevel=error"], { cwd: folder });
  const modules = join(folder, "node_modules");
  const own = join(ROOT, "node_modules");
  const there = new Set(await readdir(modules));
  for (const name of await readdir(own)) if (!name.startsWith(".")) await linked(join(own, name), join(modules, name), there);
  // In a clone the examples have the clone itself for it.
  await rm(join(modules, "ingle"));
  await mkdir(join(modules, "ingle"));
  await done(["tar", "-xzf", packed.tarball, "--strip-components=1", "-C", join(modules, "ingle")]);
  return { folder, packed, ingle: join(modules, "ingle"), remove: () => rm(parent, { recursive: true, force: true }) };
}

const notInstalled = (path: string): boolean => basename(path) !== "node_modules";

/** What the project has of its own stays; a scope may hold some of both. */
async function linked(from: string, to: string, there: ReadonlySet<string>): Promise<void> {
  if (!there.has(basename(to))) return symlink(from, to);
  if (!basename(to).startsWith("@")) return;
  const inside = new Set(await readdir(to));
  for (const name of await readdir(from)) await linked(join(from, name), join(to, name), inside);
}

async function done(command: string[], options: { cwd?: string } = {}): Promise<void> {
  const { code, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(" ")} failed: ${stderr}`);
}
