// A program of somebody else that has ingle as a dependency: the package as `npm pack` makes it, in a node_modules of its own.
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

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
  const { code, stdout, stderr } = await run(["npm", "pack", "--json", "--silent", "--pack-destination", folder], { cwd: ROOT });
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

/** With the programs of tests/consumer and of examples. What ingle depends on is linked, not fetched. */
export async function consumer(): Promise<Consumer> {
  const folder = await mkdtemp(join(tmpdir(), "ingle-consumer-"));
  const packed = await pack(folder);
  const modules = join(folder, "node_modules");
  await mkdir(modules);
  const own = join(ROOT, "node_modules");
  for (const name of await readdir(own)) if (!name.startsWith(".")) await symlink(join(own, name), join(modules, name));
  await mkdir(join(modules, "ingle"));
  const unpacked = await run(["tar", "-xzf", packed.tarball, "--strip-components=1", "-C", join(modules, "ingle")]);
  if (unpacked.code !== 0) throw new Error(unpacked.stderr);
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  for (const from of ["tests/consumer", "examples"]) await cp(join(ROOT, from), folder, { recursive: true });
  return { folder, packed, ingle: join(modules, "ingle"), remove: () => rm(folder, { recursive: true, force: true }) };
}
