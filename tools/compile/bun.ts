// `npm run compile:bun`: ingle as one file that needs nothing else, made by Bun.
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { BunPlugin } from "bun";
import type { CarriedPart } from "../../src/executable/unpack.ts";
import { carriedForBun } from "./carried-module.ts";
import { CompileError } from "./error.ts";
import { gatherParts } from "./gather.ts";
import { runCompile, type CompileOptions } from "./options.ts";
import { fetchNpmPackage } from "./npm-package.ts";
import { binaryFormat, HOST, type Target } from "./targets.ts";
import { findThreadFiles, withThreadsBesideMain } from "./thread-files.ts";

const root = join(import.meta.dirname, "../..");

async function compile(options: CompileOptions): Promise<void> {
  const { outfile } = options;
  mkdirSync(dirname(outfile), { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), "ingle-compile-"));
  try {
    await buildExecutable(options, await gatherParts(options, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${outfile} (${Math.round(statSync(outfile).size / 1e6)} MB)`);
}

async function buildExecutable({ target, outfile }: CompileOptions, parts: CarriedPart[]): Promise<void> {
  await Bun.build({
    root,
    entrypoints: [join(root, "src/main.ts"), ...findThreadFiles(root)],
    // A thread is started by its file's name.
    naming: { entry: "[name].ts" },
    // What is carried of it is loaded from where it was unpacked.
    external: ["node-llama-cpp"],
    // Packages that ask for their folder would keep the name that it has here.
    define: { __dirname: JSON.stringify("/") },
    // A start reads the pieces that it needs, and finds them parsed.
    ...{ splitting: true, minify: true, bytecode: true, format: "esm" },
    plugins: [replaceModules(parts)],
    // No file of the folder that it happens to be started in changes what it does.
    compile: {
      ...{ target: target.bun, executablePath: bunBinary(target), outfile },
      ...{ autoloadDotenv: false, autoloadBunfig: false, autoloadTsconfig: false, autoloadPackageJson: false },
    },
  });
}

/** The Bun that becomes the executable: of this machine the one that compiles, of another the one in Bun's npm package. */
function bunBinary({ name, bun, exe, format, machine }: Target): string {
  if (name === HOST) return process.execPath;
  const binary = join(fetchNpmPackage(`@oven/${bun.replace("arm64", "aarch64")}`, Bun.version), `bin/bun${exe}`);
  const found = binaryFormat(binary);
  if (found?.format === format && found.machine === machine) return binary;
  throw new CompileError(`${binary} is not a Bun for ${name}.`);
}

function replaceModules(parts: CarriedPart[]): BunPlugin {
  return {
    name: "ingle",
    setup(build) {
      const contents = carriedForBun(parts);
      build.onLoad({ filter: /[/\\]src[/\\]executable[/\\]carried\.ts$/ }, () => ({ loader: "ts", contents }));
      build.onLoad({ filter: /[/\\](src|models|adapters)[/\\].*\.ts$/ }, ({ path }) =>
        path.includes("node_modules") ? undefined : { loader: "ts", contents: withThreadsBesideMain(path) },
      );
    },
  };
}

if (import.meta.main) await runCompile(join(root, "dist"), compile);
