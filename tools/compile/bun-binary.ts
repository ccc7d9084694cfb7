// The Bun that becomes the executable: of this machine the one that compiles, of another the one in Bun's npm package.
import { join } from "node:path";
import { CompileError } from "./error.ts";
import { fetchNpmPackage } from "./npm-package.ts";
import { binaryFormat, HOST, type Target } from "./targets.ts";

/** Path of the binary. */
export function bunBinary({ name, bun, exe, format, architecture: machine }: Target): string {
  if (name === HOST) return process.execPath;
  const binary = join(fetchNpmPackage(`@oven/${bun.replace("arm64", "aarch64")}`, Bun.version), `bin/bun${exe}`);
  const found = binaryFormat(binary);
  if (found?.format === format && found.machine === machine) return binary;
  throw new CompileError(`${binary} is no Bun for ${name}.`);
}
