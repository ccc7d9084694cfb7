// The parts of a single executable on the disk: whole or not at all, whoever else is at it and whatever was there before.
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { type CarriedPart, unpack } from "../../src/executable/unpack.ts";
import { findRuntime } from "../../src/launch/runtimes.mjs";

const root = mkdtempSync(join(tmpdir(), "ingle-unpack-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const FILES = { engine: "#!/bin/sh\necho engine\n", "lib/one.so": "one".repeat(100_000), "lib/two.so": "two" };
let cache: string;
let parts: string;
let count = 0;
beforeEach(() => {
  cache = join(root, `cache-${count++}`);
  parts = join(cache, "ingle/parts");
});

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** As compiling makes it; what the executable would hold is in a folder. */
function part(files: Record<string, string> = FILES): CarriedPart {
  const from = mkdtempSync(join(root, "executable-"));
  const list = Object.entries(files).map(([path, text], i) => {
    writeFileSync(join(from, String(i)), text);
    return { path, bytes: text.length, sha256: sha256(text), from: join(from, String(i)) };
  });
  return { name: "llama-server", sha256: sha256(JSON.stringify(files)), files: list };
}

const at = (one: CarriedPart) => unpack(one, { XDG_CACHE_HOME: cache });

function expectWhole(folder: string, files: Record<string, string> = FILES): void {
  const there = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
  expect(there.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort()).toEqual(
    Object.keys(files).sort(),
  );
  for (const [path, text] of Object.entries(files)) expect(readFileSync(join(folder, path), "utf8")).toBe(text);
}

test("a part is unpacked once, for its owner alone", async () => {
  const one = part();
  const folder = await at(one);
  expect(folder).toBe(join(parts, one.sha256));
  expectWhole(folder);
  for (const path of [parts, folder, join(folder, "lib"), join(folder, "engine")])
    expect(statSync(path).mode & 0o777).toBe(0o700);
  const { ino } = statSync(folder);
  expect(await at(one)).toBe(folder);
  expect(statSync(folder).ino).toBe(ino);
  expect(readdirSync(parts)).toEqual([one.sha256]);
});

describe("what is not as it was carried is put right:", () => {
  const damages: Record<string, (folder: string) => void> = {
    "a file that is cut": (folder) => writeFileSync(join(folder, "lib/one.so"), "one"),
    "a file of the same length with another byte": (folder) => writeFileSync(join(folder, "lib/two.so"), "twO"),
    "a file that is missing": (folder) => rmSync(join(folder, "engine")),
    "a file too many, which the engine might load": (folder) => writeFileSync(join(folder, "lib/three.so"), ""),
    "a link in the place of a file": (folder) => {
      rmSync(join(folder, "engine"));
      symlinkSync("/bin/sh", join(folder, "engine"));
    },
    "a link in the place of the folder": (folder) => {
      rmSync(folder, { recursive: true });
      symlinkSync("/bin", folder);
    },
    "a file in the place of the folder": (folder) => {
      rmSync(folder, { recursive: true });
      writeFileSync(folder, "");
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(name, async () => {
      const one = part();
      damage(await at(one));
      expectWhole(await at(one));
      expect(readdirSync(parts)).toEqual([one.sha256]);
    });
  }

  const otherUser = process.getuid?.() === 0 ? test : test.skip;
  otherUser("a folder of another user (skipped unless root runs the tests)", async () => {
    const { chownSync } = await import("node:fs");
    const one = part();
    const folder = await at(one);
    chownSync(folder, 12345, 12345);
    expect(statSync(await at(one)).uid).toBe(0);
  });
});

test("two versions lie side by side", async () => {
  const newer = { ...FILES, engine: "#!/bin/sh\necho newer\n" };
  const [old, other] = [part(), part(newer)];
  const [a, b] = await Promise.all([at(old), at(other)]);
  expectWhole(a);
  expectWhole(b, newer);
});

test("processes that unpack at the same moment, over a damaged folder too, all get a whole one", async () => {
  const one = part();
  mkdirSync(join(parts, one.sha256), { recursive: true });
  writeFileSync(join(parts, one.sha256, "engine"), "half");
  const script = join(root, "unpack-once.ts");
  const module = new URL("../../src/executable/unpack.ts", import.meta.url).pathname;
  writeFileSync(
    script,
    `import { unpack } from ${JSON.stringify(module)};
     console.log(await unpack(${JSON.stringify(one)}, { XDG_CACHE_HOME: ${JSON.stringify(cache)} }));`,
  );
  const children = Array.from({ length: 6 }, () => Bun.spawn([...findRuntime("bun")!, script], { stderr: "inherit" }));
  for (const child of children) {
    expect(await new Response(child.stdout).text()).toBe(`${join(parts, one.sha256)}\n`);
    expect(await child.exited).toBe(0);
  }
  expectWhole(join(parts, one.sha256));
  expect(readdirSync(parts)).toEqual([one.sha256]);
});

test("what a killed process left is removed after a while, what another still unpacks stays", async () => {
  const one = part();
  const [stale, fresh] = ["stale", "fresh"].map((name) => join(parts, `${one.sha256}.new-${name}`)) as [string, string];
  for (const folder of [stale, fresh]) mkdirSync(folder, { recursive: true });
  const before = (Date.now() - 7_200_000) / 1000;
  utimesSync(stale, before, before);
  expectWhole(await at(one));
  expect([existsSync(stale), existsSync(fresh)]).toEqual([false, true]);
});

test("an executable that is damaged itself is not run from", async () => {
  const one = part();
  writeFileSync(one.files[1]!.from, "other");
  expect(at(one)).rejects.toThrow(/llama-server \(1 MB\) cannot be unpacked .* its lib\/one\.so has other bytes/);
  await at(one).catch(() => {});
  expect(readdirSync(parts)).toEqual([]);
});

test("a cache that cannot be written is one sentence with a remedy", async () => {
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, "ingle"), "");
  const error = await at(part()).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "engine_unavailable" });
  expect((error as Error).message).toMatch(/cannot be unpacked into .*: ENOTDIR.*\. Make room there, or set XDG_CACHE_HOME to /);
});

const unprivileged = process.getuid?.() === 0 ? test.skip : test;
unprivileged("a cache that may only be read will do once everything is in it (root may write everywhere)", async () => {
  const one = part();
  const folder = await at(one);
  chmodSync(parts, 0o500);
  expect(await at(one)).toBe(folder);
  expect(at(part({ engine: "new" }))).rejects.toThrow(/EACCES/);
});
