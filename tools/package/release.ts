// `npm run release -- --dry-run`: everything that a release consists of, in dist/release. Nothing is sent anywhere.
import { spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../../package.json" with { type: "json" };

const ROOT = join(import.meta.dirname, "../..");
const OUT = join(ROOT, "dist", "release");
const { name, version } = manifest;

const BY_HAND = `Publishing is done by hand, by whoever has the rights to it:

  1. npm test                          all of it, on a clean clone of the commit that is released
  2. npm run release -- --dry-run      on each system that gets an executable
  3. git tag -s v${version} && git push --tags
  4. npm publish dist/release/${name}-${version}.tgz
  5. the executables, the bill of materials and SHA256SUMS of dist/release go to the release of that tag
`;

const { values: wanted } = parseArgs({
  options: { "dry-run": { type: "boolean", default: false }, executable: { type: "boolean", default: true } },
  allowNegative: true,
});

if (wanted["dry-run"]) await makeRelease();
else console.log(`${BY_HAND}\nNothing was made. "npm run release -- --dry-run" makes what is published.`);

async function makeRelease(): Promise<void> {
  await rm(OUT, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  npm("pack", "--silent", "--pack-destination", OUT);
  await writeFile(join(OUT, `${name}-${version}.cdx.json`), billOfMaterials());
  if (wanted.executable) makeExecutable();
  const files = (await readdir(OUT)).toSorted();
  const lines = files.map(async (file) => `${hash("sha256", await readFile(join(OUT, file)))}  ${file}\n`);
  await writeFile(join(OUT, "SHA256SUMS"), (await Promise.all(lines)).join(""));
  console.log(`In ${OUT}:`);
  for (const file of [...files, "SHA256SUMS"]) {
    const { size } = await stat(join(OUT, file));
    console.log(`  ${(size / 1e6).toFixed(1).padStart(7)} MB  ${file}`);
  }
  console.log(`The executable is ${wanted.executable ? "for this system" : "left out, as --no-executable says"}.`);
}

/** Lists what the lock file pins: everything that is installed with the package, on whatever system. */
function billOfMaterials(): string {
  const bill = JSON.parse(npm("sbom", "--sbom-format=cyclonedx", "--package-lock-only", "--omit=dev")) as {
    metadata: { component: { name: string } };
  };
  // npm takes the name of the folder.
  bill.metadata.component.name = name;
  return `${JSON.stringify(bill, null, 2)}\n`;
}

function makeExecutable(): void {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const file = `${name}-${version}-${process.platform}-${process.arch}${suffix}`;
  npm("run", "--silent", "compile:bun", "--", "--outfile", join(OUT, file));
}

/** Answers with the standard output of npm. Throws where npm fails; its complaint is on standard error already. */
function npm(...words: string[]): string {
  const { status, stdout } = spawnSync("npm", words, {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`"npm ${words.join(" ")}" failed.`);
  return stdout;
}
