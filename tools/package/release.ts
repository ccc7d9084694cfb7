// `npm run release -- --dry-run`: everything that a release consists of, in dist/release. Nothing is sent anywhere.
import { spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../../package.json" with { type: "json" };
import { neededPackages, reducedLock, type Lock, type Machine } from "../../src/launch/needed-packages.mjs";
import { HOST, TARGETS, type Target } from "../compile/targets.ts";

const ROOT = join(import.meta.dirname, "../..");
const OUT = join(ROOT, "dist", "release");
const { name, version } = manifest;

const MACHINES: Machine[] = ["linux", "darwin", "win32"].flatMap((platform) =>
  ["x64", "arm64"].flatMap((arch) =>
    (["glibc", "musl"] as const).map((libc) => ({ platform, arch, libc, graphics: ["cuda", "vulkan"] as const })),
  ),
);

/** How an executable is installed, and put into a container. */
const COPIED = ["install.sh", "Dockerfile"];

const BY_HAND = `Publishing is done by hand, by whoever has the rights to it:

  1. npm test                          all of it, on a clean clone of the commit that is released
  2. npm run release -- --dry-run      on each system that gets an executable, or with --target for each
  3. git tag -s v${version} && git push --tags
  4. npm publish dist/release/${name}-${version}.tgz
  5. all other files of dist/release go to the release of that tag
`;

const { values: wanted } = parseArgs({
  options: {
    "dry-run": { type: "boolean", default: false },
    executable: { type: "boolean", default: true },
    target: { type: "string", multiple: true, default: [HOST] },
  },
  allowNegative: true,
});
const targets = wanted.executable ? wanted.target.map(targetOf) : [];

if (wanted["dry-run"]) await makeRelease();
else console.log(`${BY_HAND}\nNothing was made. "npm run release -- --dry-run" makes what is published.`);

async function makeRelease(): Promise<void> {
  await rm(OUT, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  npm(["pack", "--silent", "--pack-destination", OUT]);
  await writeFile(join(OUT, `${name}-${version}.cdx.json`), await billOfMaterials());
  for (const file of COPIED) await cp(join(import.meta.dirname, file), join(OUT, file));
  targets.forEach(makeExecutable);
  const files = (await readdir(OUT)).toSorted();
  const lines = files.map(async (file) => `${hash("sha256", await readFile(join(OUT, file)))}  ${file}\n`);
  await writeFile(join(OUT, "SHA256SUMS"), (await Promise.all(lines)).join(""));
  console.log(`In ${OUT}:`);
  for (const file of [...files, "SHA256SUMS"]) {
    const { size } = await stat(join(OUT, file));
    console.log(`  ${(size / 1e6).toFixed(1).padStart(7)} MB  ${file}`);
  }
  console.log(
    targets.length === 0 ? "The executable is left out, as --no-executable says." : `Executables: ${wanted.target.join(", ")}.`,
  );
}

/**
 * Lists what the lock file pins: everything that is installed with the package, on whatever system. npm gets no other packages to look at: with
 * `--omit=dev` it would leave out what developers use too.
 */
async function billOfMaterials(): Promise<string> {
  const lock = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")) as Lock;
  const kept = MACHINES.flatMap((machine) => [...neededPackages(lock.packages, { runtimes: ["node"], machine })]);
  const reduced = reducedLock(lock, new Set(kept));
  const folder = await mkdtemp(join(tmpdir(), "ingle-bill-"));
  try {
    await writeFile(join(folder, "package-lock.json"), JSON.stringify(reduced));
    await writeFile(join(folder, "package.json"), JSON.stringify(reduced.packages[""]));
    const bill = JSON.parse(npm(["sbom", "--sbom-format=cyclonedx", "--package-lock-only"], folder)) as Bill;
    // npm takes the name of the folder.
    bill.metadata.component.name = name;
    return `${JSON.stringify(bill, null, 2)}\n`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Bill {
  metadata: { component: { name: string } };
}

function targetOf(word: string): Target {
  const target = TARGETS.get(word);
  if (target !== undefined) return target;
  throw new Error(`"--target" is "${word}". It must be one of ${[...TARGETS.keys()].join(", ")}.`);
}

/** As install.sh looks for it. */
function makeExecutable({ name: machine, exe }: Target): void {
  const outfile = join(OUT, `${name}-${version}-${machine}${exe}`);
  npm(["run", "--silent", "compile:bun", "--", "--target", machine, "--outfile", outfile]);
}

/** Answers with the standard output of npm. Throws where npm fails; its complaint is on standard error already. */
function npm(words: string[], cwd = ROOT): string {
  const { status, stdout } = spawnSync("npm", words, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`"npm ${words.join(" ")}" failed.`);
  return stdout;
}
