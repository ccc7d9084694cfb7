// What compiling checks before it makes an executable.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { carriedForBun, carriedForDeno } from "../../tools/compile/carried-module.ts";
import { CompileError } from "../../tools/compile/error.ts";
import { compileOptions } from "../../tools/compile/options.ts";
import { llamaServerFolder, llamaServerPart } from "../../tools/compile/parts.ts";
import { binaryFormat, HOST, TARGETS, type Target } from "../../tools/compile/targets.ts";
import { findThreadFiles, withThreadsBesideMain } from "../../tools/compile/thread-files.ts";
import manifest from "../../package.json" with { type: "json" };
import { ROOT } from "../support/executable.ts";
import { LAUNCHER, run } from "../support/program.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-compile-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
}

/** The first bytes of a program for a machine: what stands where in them. */
function header(fields: [at: number, bytes: number[]][]): Buffer {
  const bytes = Buffer.alloc(128);
  for (const [at, values] of fields) bytes.set(values, at);
  return bytes;
}

const elf = (machine: number) =>
  header([
    [0, [0x7f, 0x45, 0x4c, 0x46]],
    [18, [machine, 0]],
  ]);
const macho = (cpu: number) => header([[0, [0xcf, 0xfa, 0xed, 0xfe, cpu, 0, 0, 1]]]);
const pe = (low: number, high: number) =>
  header([
    [0, [0x4d, 0x5a]],
    [60, [64]],
    [68, [low, high]],
  ]);

test("the machine of a program is read from its header", () => {
  const found = [elf(62), elf(183), elf(40), macho(7), macho(12), pe(0x64, 0x86), pe(0x64, 0xaa)];
  expect(found.map((bytes, i) => binaryFormat(file(`program-${i}`, bytes)))).toEqual([
    { format: "ELF", machine: "x64" },
    { format: "ELF", machine: "arm64" },
    { format: "ELF", machine: "other" },
    { format: "Mach-O", machine: "x64" },
    { format: "Mach-O", machine: "arm64" },
    { format: "PE", machine: "x64" },
    { format: "PE", machine: "arm64" },
  ]);
  expect(binaryFormat(file("text", "x".repeat(200)))).toBeUndefined();
  expect(binaryFormat(file("empty", ""))).toBeUndefined();
});

describe("a part", () => {
  const arm = TARGETS.get("linux-arm64")!;
  const folder = mkdtempSync(join(root, "server-"));
  writeFileSync(join(folder, "llama-server"), elf(183));
  writeFileSync(join(folder, "libggml.so"), elf(183));

  test("names its files with their sums, and another content is another part", () => {
    const one = llamaServerPart(folder, arm);
    expect(one.files.map(({ path, bytes }) => [path, bytes])).toEqual([
      ["libggml.so", 128],
      ["llama-server", 128],
    ]);
    expect(llamaServerPart(folder, arm).sha256).toBe(one.sha256);
    writeFileSync(join(folder, "notes"), "new");
    expect(llamaServerPart(folder, arm).sha256).not.toBe(one.sha256);
  });

  test("with a library for another machine is refused", () => {
    expect(() => llamaServerPart(folder, TARGETS.get("linux-x64")!)).toThrow(/is ELF for arm64; linux-x64 takes ELF for x64/);
    expect(() => llamaServerPart(folder, TARGETS.get("darwin-arm64")!)).toThrow(/darwin-arm64 takes Mach-O for arm64/);
  });

  test("for another machine is only what was named for it", () => {
    const other = [...TARGETS.values()].find(({ name, exe }) => name !== HOST && exe === "") as Target;
    expect(llamaServerFolder(other, undefined)).toBeUndefined();
    expect(llamaServerFolder(other, folder)).toBe(folder);
    expect(() => llamaServerFolder(other, root)).toThrow(/has no llama-server in it/);
  });

  test("is the same to Bun and to Deno, but for where its files are", async () => {
    const part = llamaServerPart(folder, arm);
    const [bun, deno] = [
      file("bun.ts", carriedForBun([part])),
      file(
        "deno.ts",
        carriedForDeno([part], (from) => `./${basename(from)}`),
      ),
    ];
    const files = async (path: string) => (await import(path)).CARRIED.parts["llama-server"].files;
    expect(await files(bun)).toEqual(part.files);
    expect((await files(deno)).map(({ from }: { from: string }) => from)).toEqual(part.files.map(({ path }) => join(root, path)));
  });
});

describe("the files of threads", () => {
  test("are all found, and all starts of them are rewritten", () => {
    expect(
      findThreadFiles(ROOT)
        .map((path) => basename(path))
        .sort(),
    ).toEqual(["download-thread.ts", "part-hash-thread.ts", "write-thread.ts"]);
    for (const path of [
      "src/storage/drivers/fs-durable/write-threads.ts",
      "models/download/download.ts",
      "models/download/part-hash.ts",
    ]) {
      const text = withThreadsBesideMain(join(ROOT, path));
      expect(text).toMatch(/new URL\("\.\/[\w-]+-thread\.ts", Bun\.pathToFileURL\(Bun\.main\)\)/);
      expect(text).not.toContain("import.meta.url");
    }
  });

  test("that are started in another form are refused", () => {
    const other = file("odd.ts", 'new Worker(new URL("../odd-thread.ts", import.meta.url));');
    expect(() => withThreadsBesideMain(other)).toThrow(CompileError);
  });
});

test("words that are wrong are named, with those that are right", () => {
  expect(() => compileOptions(["--target", "amiga"], root)).toThrow(/"--target" is "amiga"\. It must be one of linux-x64, /);
  expect(() => compileOptions(["--carry", "all"], root)).toThrow(/"--carry" is "all"\. It must be one of llama-server, /);
  expect(() => compileOptions(["--nope"], root)).toThrow(CompileError);
  expect(compileOptions(["--target", "windows-x64", "--carry", "none"], root)).toEqual({
    target: TARGETS.get("windows-x64")!,
    outfile: join(root, "ingle-windows-x64.exe"),
    carry: [],
  });
});

test.each([
  ["bun", "node"],
  ["node", "bun"],
])("a file that only %s can run is run on it, whatever else is chosen", async (name, chosen) => {
  const script = file("runtime.mjs", 'console.log("Bun" in globalThis ? "bun" : "node");');
  const { stdout } = await run([...LAUNCHER, "--on", name, "--script", script], { env: { INGLE_RUNTIME: chosen } });
  expect(stdout).toBe(`${name}\n`);
});

test.each(["bun", "deno"] as const)("an executable by %s is made on Bun, which bundles the engine", (name) => {
  expect(manifest.scripts[`compile:${name}`]).toStartWith("node src/ingle.mjs --on bun ");
});
