// Files that are used in place: which of those beside them belong to the model, with links as the cache of the hub has them.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { errorOf, makeApp } from "../support/app.ts";
import { sha256 } from "../support/hub.ts";
import { splitKeys, tinyGguf } from "../support/tiny-gguf.ts";

const OPERATOR = "operator-key-of-the-tests";
const OWNER = { headers: { authorization: `Bearer ${OPERATOR}` } };
const root = realpathSync(mkdtempSync(join(tmpdir(), "ingle-local-files-")));
afterAll(() => rmSync(root, { recursive: true }));

function house(models_dir?: string) {
  const made = makeApp({ models: [], weights: root, guards: { operator_key: OPERATOR }, ...(models_dir && { models_dir }) });
  const add = (path: string, init: RequestInit) => made.post("/v1/models", { path, id: "m" }, init);
  return {
    ...made,
    /** The names of its files, by their paths and without `within`. */
    async filesOf(path: string, init: RequestInit = OWNER) {
      const added = await add(path, init);
      if (added.status !== 200) throw new Error(JSON.stringify(await errorOf(added)));
      return (await made.store.models.get("m"))!.files.map(({ path, role }) => (role ? `${role} ${path}` : path!));
    },
    refusal: async (path: string, init: RequestInit = OWNER) => errorOf(await add(path, init)),
  };
}

/** A folder with these files, empty ones of their names where no bytes are given. */
function folderOf(files: Record<string, Uint8Array> | string[]): string {
  const folder = mkdtempSync(join(root, "f-"));
  const bytes = Array.isArray(files) ? Object.fromEntries(files.map((name) => [name, tinyGguf()])) : files;
  for (const [name, content] of Object.entries(bytes)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** The files as the hub's tools keep them: under their sha256, with links of their names. */
function cacheOf(files: Record<string, Uint8Array>): { folder: string; snapshot: string } {
  const folder = join(mkdtempSync(join(root, "cache-")), "models--org--name");
  const snapshot = join(folder, "snapshots", "0123abcd");
  for (const each of [join(folder, "blobs"), snapshot]) mkdirSync(each, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    const blob = sha256(bytes);
    writeFileSync(join(folder, "blobs", blob), bytes);
    mkdirSync(dirname(join(snapshot, name)), { recursive: true });
    symlinkSync(join(folder, "blobs", blob), join(snapshot, name));
  }
  return { folder, snapshot };
}

const part = (no: number, count: number): Uint8Array => tinyGguf({ keys: splitKeys(no, count) });
const [first, second] = ["m-Q4_0-00001-of-00002.gguf", "m-Q4_0-00002-of-00002.gguf"] as const;
const PARTS = { [first]: part(1, 2), [second]: part(2, 2) };

describe("a model of the hub's cache", () => {
  test("in parts comes with all of them, under the names by which the engine finds them", async () => {
    for (const under of ["", "UD-Q4_0/"]) {
      const files = Object.fromEntries(Object.entries(PARTS).map(([name, bytes]) => [under + name, bytes]));
      const { snapshot } = cacheOf(files);
      const paths = [first, second].map((name) => join(snapshot, under, name));
      for (const path of paths) expect(await house().filesOf(path)).toEqual(paths);
    }
  });

  test("has the projector beside the link, not beside the file", async () => {
    const projector = tinyGguf({ type: "mmproj" });
    const { folder, snapshot } = cacheOf({ "m-Q4_0.gguf": tinyGguf(), "mmproj-F16.gguf": projector });
    const blob = (bytes: Uint8Array): string => join(folder, "blobs", sha256(bytes));
    expect(await house().filesOf(join(snapshot, "m-Q4_0.gguf"))).toEqual([blob(tinyGguf()), `projector ${blob(projector)}`]);
  });

  test("is loaded from there", async () => {
    const { snapshot } = cacheOf(PARTS);
    const { filesOf, store, library } = house();
    await filesOf(join(snapshot, first));
    expect(await library.resolve((await store.models.get("m"))!)).toMatchObject({ path: join(snapshot, first) });
  });

  test("whose other part leads out of the folder for models is refused", async () => {
    const { folder, snapshot } = cacheOf({ [first]: PARTS[first]! });
    const outside = join(folderOf({ "x.gguf": PARTS[second]! }), "x.gguf");
    symlinkSync(outside, join(snapshot, second));
    const refused = await house(folder).refusal(join(snapshot, first), {});
    expect(refused).toMatchObject({ status: 400, param: "path" });
    expect(refused.message).toContain(`Missing: ${second}.`);
    expect(await house().filesOf(join(snapshot, first))).toHaveLength(2);
  });

  test("whose projector leads out of it does without", async () => {
    const { folder, snapshot } = cacheOf({ "m.gguf": tinyGguf() });
    symlinkSync(join(folderOf(["x.gguf"]), "x.gguf"), join(snapshot, "mmproj-F16.gguf"));
    expect(await house(folder).filesOf(join(snapshot, "m.gguf"), {})).toHaveLength(1);
    expect(await house().filesOf(join(snapshot, "m.gguf"))).toHaveLength(2);
  });
});

describe("a model in parts", () => {
  test("is where its folder is, also behind a link to that", async () => {
    const folder = folderOf(PARTS);
    const link = join(root, "link");
    symlinkSync(folder, link);
    expect(await house().filesOf(join(link, first))).toEqual([join(folder, first), join(folder, second)]);
  });

  test("that are not all there is refused with the names of the missing ones", async () => {
    const names = [1, 2, 3, 4, 5, 6].map((no) => `m-0000${no}-of-00006.gguf`);
    const folder = folderOf({ [names[1]!]: part(2, 6) });
    const { message } = await house().refusal(join(folder, names[1]!));
    expect(message).toBe(
      `The model has 6 parts, and only 1 are in its folder. Missing: ${names[0]}, ${names[2]}, ${names[3]} and 2 more.`,
    );
  });

  test.each([
    ["m.gguf", part(1, 3), "The file is the first of 3 parts of a model, and there is 1."],
    ["m.gguf", part(2, 3), "The file is part 2 of 3 of a model. Name the first part."],
    [first, part(1, 3), "The file is the first of 3 parts of a model, and there are 2."],
  ])("%s, whose header counts others, is refused", async (name, bytes, why) => {
    const folder = folderOf({ [second]: part(2, 3), [name]: bytes });
    const refused = await house().refusal(join(folder, name));
    expect(refused).toMatchObject({ status: 400, param: "path" });
    expect(refused.message).toContain(why);
  });
});

describe("the projector", () => {
  const GEMMA = ["gemma-3-4b-it-Q4_0.gguf", "gemma-3-4b-it-Q8_0.gguf"];
  test.each<[string[], string, string | undefined]>([
    [[...GEMMA, "mmproj-BF16.gguf", "mmproj-F16.gguf"], GEMMA[0]!, "mmproj-F16.gguf"],
    [[...GEMMA, "mmproj-F32.gguf", "mmproj-BF16.gguf"], GEMMA[1]!, "mmproj-BF16.gguf"],
    [["mmproj-model-f16.gguf", ...GEMMA], GEMMA[0]!, "mmproj-model-f16.gguf"],
    [["mmproj-gemma-3-12b-it-f16.gguf", ...GEMMA], GEMMA[0]!, undefined],
    // Beside other models the name decides.
    [[...GEMMA, "gemma-3-12b-it-Q4_0.gguf", "mmproj-gemma-3-12b-it-F16.gguf"], GEMMA[0]!, undefined],
    [
      [...GEMMA, "gemma-3-12b-it-Q4_0.gguf", "mmproj-gemma-3-12b-it-F16.gguf", "gemma-3-4b-it-mmproj-bf16.gguf"],
      GEMMA[0]!,
      "gemma-3-4b-it-mmproj-bf16.gguf",
    ],
    [["qwen-4b-Q4_0.gguf", ...GEMMA, "mmproj-F16.gguf"], GEMMA[0]!, undefined],
    [["qwen-4b-Q4_0.gguf", ...GEMMA, "mmproj-qwen-4b-F16.gguf"], GEMMA[0]!, undefined],
    // No models by themselves.
    [[...GEMMA, "mmproj-F16.gguf", "lora-x.gguf", "gemma-3-4b-it.imatrix.gguf", "mtp-gemma.gguf"], GEMMA[0]!, "mmproj-F16.gguf"],
    [[first, second, "mmproj-F16.gguf"], second, "mmproj-F16.gguf"],
  ])("of %j for %s is %s", async (names, of, chosen) => {
    const folder = folderOf(names);
    const files = await house().filesOf(join(folder, of));
    expect(files.filter((path) => path.startsWith("projector"))).toEqual(chosen ? [`projector ${join(folder, chosen)}`] : []);
  });
});

describe("a file that was replaced is taken again", () => {
  test.each<[string, (path: string, real: string) => object]>([
    ["by a record that says where it once came from", () => ({ source_url: "https://huggingface.co/org/name" })],
    ["by one that does not say where it is from", () => ({ source_url: undefined })],
    ["by one that has the place to which a link leads", (_, real) => ({ source_url: `file://${real}`, path: real })],
  ])("%s", async (_, changes) => {
    const folder = folderOf({ "blobs/x": tinyGguf() });
    const [path, real] = [join(folder, "a.gguf"), join(folder, "blobs", "x")];
    symlinkSync(real, path);
    const made = house();
    await made.filesOf(path);
    const before = (await made.store.models.get("m"))!;
    const { path: place = path, ...more } = changes(path, real) as { path?: string };
    const named = { name: "Mine", owned_by: "me", settings: { ctx_len: 128 } };
    await made.store.models.put({ ...before, ...named, ...more, files: [{ ...before.files[0]!, path: place }] });
    writeFileSync(real, tinyGguf({ context_length: 1024, template: "{{ messages }}" }));
    const problemOf = async () => ((await (await made.request("/v1/models/m", OWNER)).json()) as any).problem;
    expect(await problemOf()).toContain("take it as it now is with");
    await made.filesOf(path);
    const after = (await made.store.models.get("m"))!;
    expect(after).toMatchObject({ ...named, context_length: 1024, created: before.created });
    expect("source_url" in more && after.source_url !== undefined).toBe("source_url" in more);
    expect(await problemOf()).toBeUndefined();
  });

  test("another file takes no other model's place", async () => {
    const made = house();
    const folder = folderOf(["a.gguf", "b.gguf"]);
    await made.filesOf(join(folder, "a.gguf"));
    expect(await made.refusal(join(folder, "b.gguf"))).toMatchObject({ code: "model_exists", param: "id" });
  });
});
