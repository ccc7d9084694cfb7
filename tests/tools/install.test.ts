// What fills node_modules of a clone, with an npm that only notes what it was given.
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../support/program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FILES = ["package.json", "package-lock.json", ".npmrc", "src/launch/install.mjs"];
const onPosix = test.skipIf(process.platform === "win32");

const folders: string[] = [];
afterAll(async () => void (await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))));

let clone: string;
beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), "ingle-install-"));
  folders.push(clone);
  for (const file of FILES) await cp(join(ROOT, file), join(clone, file), { recursive: true });
});

/** `npm`: the shell script that stands for it. Answers with the exit code that the launcher would end with. */
async function install(npm: string, env: Record<string, string> = {}): Promise<number> {
  const bin = join(clone, "..", `${clone}-bin`);
  folders.push(bin);
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "npm"), `#!/bin/sh\n${npm}\n`);
  await chmod(join(bin, "npm"), 0o755);
  const script = 'import("./src/launch/install.mjs").then(({ install }) => console.log(install()))';
  const PATH = `${bin}${delimiter}${process.env.PATH}`;
  const { stdout } = await run(["node", "-e", script], { cwd: clone, env: { PATH, ...env } });
  return Number(stdout);
}

/** Takes the lock file for what is installed. */
const INSTALLS = "mkdir -p node_modules && cp package-lock.json node_modules/.package-lock.json";

const packages = async (): Promise<string[]> => {
  const lock = JSON.parse(await readFile(join(clone, "node_modules/.package-lock.json"), "utf8")) as { packages: object };
  return Object.keys(lock.packages).map((path) => path.replace("node_modules/", ""));
};

describe("an installation", () => {
  onPosix("takes all that the lock file has", async () => {
    expect(await install(INSTALLS)).toBe(0);
    expect(await packages()).toEqual(
      expect.arrayContaining(["@node-llama-cpp/linux-x64", "@node-llama-cpp/linux-x64-cuda", "bun"]),
    );
  });

  onPosix("with INGLE_CPU_ONLY takes all but what graphics cards need", async () => {
    await mkdir(join(clone, "node_modules/old"), { recursive: true });
    expect(await install(INSTALLS, { INGLE_CPU_ONLY: "1" })).toBe(0);
    const taken = await packages();
    expect(taken).toEqual(
      expect.arrayContaining(["@node-llama-cpp/linux-x64", "@node-llama-cpp/mac-arm64-metal", "bun", "typescript"]),
    );
    expect(taken.filter((name) => /cuda|vulkan/.test(name))).toEqual([]);
    const lock = await readFile(join(clone, "node_modules/.package-lock.json"), "utf8");
    expect(lock).not.toMatch(/cuda|vulkan/);
    expect(await readdir(join(clone, "node_modules"))).toEqual([".package-lock.json"]);
    expect((await readdir(clone)).toSorted()).toEqual([".npmrc", "node_modules", "package-lock.json", "package.json", "src"]);
    // The lock file itself stays as it was, and what is left out is not missed later.
    expect(await readFile(join(clone, "package-lock.json"), "utf8")).toBe(
      await readFile(join(ROOT, "package-lock.json"), "utf8"),
    );
    expect(await install("exit 9")).toBe(0);
  });

  onPosix("that fails leaves what was there, and nothing else", async () => {
    await mkdir(join(clone, "node_modules/old"), { recursive: true });
    expect(await install("exit 9", { INGLE_CPU_ONLY: "1" })).toBe(9);
    expect(await readdir(join(clone, "node_modules"))).toEqual(["old"]);
    expect((await readdir(clone)).toSorted()).toEqual([".npmrc", "node_modules", "package-lock.json", "package.json", "src"]);
  });
});
