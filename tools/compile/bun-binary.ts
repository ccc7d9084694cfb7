// The Bun that becomes the executable: of this machine the one that compiles, of another the one in Bun's npm package.
import { join } from "node:path";
import { CompileError } from "./error.ts";
import { npmPackage } from "./npm-package.ts";
import { formatOf, HOST, type Target } from "./targets.ts";

/** Path of the binary. */
export function bunBinary({ name, bun, exe, format, machine }: Target): string {
  if (name === HOST) return process.execPath;
  const binary = join(npmPackage(`@oven/${bun.replace("arm64", "aarch64")}`, Bun.version), `bin/bun${exe}`);
  const found = formatOf(binary);
  if (found?.format === format && found.machine === machine) return binary;
  throw new CompileError(`${binary} is no Bun for ${name}.`);
}
