// The Bun that becomes the executable: of this machine the one that compiles, of another the one in Bun's npm package.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../../adapters/llama-server/cache.ts";
import { CompileError } from "./error.ts";
import { formatOf, HOST, type Target } from "./targets.ts";

/** Path of the binary; npm fetches it, once, where this machine has none. */
export function bunBinary({ name, bun, exe, format, machine }: Target): string {
  if (name === HOST) return process.execPath;
  const version = Bun.version;
  const binary = join(cacheFolder(process.env), "bun", version, name, `bun${exe}`);
  if (!existsSync(binary)) fetchTo(binary, `@oven/${bun.replace("arm64", "aarch64")}@${version}`, exe);
  const found = formatOf(binary);
  if (found?.format === format && found.machine === machine) return binary;
  throw new CompileError(`${binary} is no Bun for ${name}. Remove it, and compile again.`);
}

function fetchTo(binary: string, npmPackage: string, exe: string): void {
  mkdirSync(dirname(binary), { recursive: true });
  const folder = mkdtempSync(join(dirname(binary), "fetch-"));
  try {
    const run = (program: string, ...args: string[]) =>
      execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    const archive = run("npm", "pack", "--silent", npmPackage).trim();
    run("tar", "-xf", archive);
    renameSync(join(folder, "package/bin", `bun${exe}`), binary);
  } catch (error) {
    throw new CompileError(`${npmPackage} cannot be fetched: ${(error as Error).message}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
