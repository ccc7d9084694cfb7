// What a release consists of. The executable has tests of its own and is left out here: it takes a minute.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../../package.json" with { type: "json" };
import { BUILDS_PACKAGE } from "../support/consumer.ts";
import { oneAtATime } from "../support/one-at-a-time.ts";
import { run, type Ended } from "../support/program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OUT = join(ROOT, "dist/release");
const BILL = `ingle-${manifest.version}.cdx.json`;
const TARBALL = `ingle-${manifest.version}.tgz`;
const FILES = ["Dockerfile", BILL, TARBALL, "install.sh"];

const release = (...words: string[]) => run(["npm", "run", "--silent", "release", "--", ...words], { cwd: ROOT });

let made: Ended;
beforeAll(async () => {
  made = await oneAtATime(BUILDS_PACKAGE, () => release("--dry-run", "--no-executable"));
}, 120_000);
afterAll(() => rm(OUT, { recursive: true, force: true }));

test("a dry run makes the package, its bill of materials and their sums, and says so", async () => {
  expect(made).toMatchObject({ code: 0, stderr: "" });
  expect((await readdir(OUT)).toSorted()).toEqual(["SHA256SUMS", ...FILES].toSorted());
  for (const file of ["SHA256SUMS", ...FILES]) expect(made.stdout).toMatch(new RegExp(` MB  ${RegExp.escape(file)}$`, "m"));
  expect(made.stdout).toContain("The executable is left out");
});

test("the sums are those of the files", async () => {
  const lines = (await readFile(join(OUT, "SHA256SUMS"), "utf8")).trimEnd().split("\n");
  expect(lines.map((line) => line.split("  ")[1]).toSorted()).toEqual(FILES.toSorted());
  for (const line of lines) {
    const [sum, file] = line.split("  ");
    const bytes = await readFile(join(OUT, file!));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sum!);
  }
});

test("the bill of materials lists what is installed with the package, and nothing that only its developers have", async () => {
  const bill = JSON.parse(await readFile(join(OUT, BILL), "utf8")) as Bill;
  expect(bill).toMatchObject({ bomFormat: "CycloneDX", metadata: { component: { name: "ingle", version: manifest.version } } });
  const listed = new Map(bill.components.map(({ name, version }) => [name, version]));
  for (const [name, version] of Object.entries(manifest.dependencies)) expect([name, listed.get(name)]).toEqual([name, version]);
  for (const name of Object.keys(manifest.devDependencies)) expect([...listed.keys()]).not.toContain(name);
});

interface Bill {
  components: { name: string; version: string }[];
}

test("without --dry-run it makes nothing and says how a release is published", async () => {
  await rm(OUT, { recursive: true, force: true });
  const { code, stdout } = await release();
  expect(code).toBe(0);
  expect(stdout).toStartWith("Publishing is done by hand");
  expect(existsSync(OUT)).toBe(false);
});
