// How a model is named, and which files of a repository of the hub a name stands for.
import { describe, expect, test } from "bun:test";
import { chooseFiles, listFiles, type HubEntry } from "../../models/sources/hub-listing.ts";
import { quantOf } from "../../models/sources/quant.ts";
import {
  addressOfName,
  safeFileName,
  idOfName,
  parseHubReference,
  parseModelName,
  type ModelName,
} from "../../models/reference.ts";

const hub = (repo: string, more: object = {}): ModelName => ({ kind: "hub", reference: { repo, revision: "main", ...more } });

describe("a name", () => {
  test.each<[string, ModelName]>([
    ["smollm2-135m-instruct", { kind: "id", id: "smollm2-135m-instruct" }],
    ["org/name", { kind: "id", id: "org/name" }],
    ["hf:org/name", hub("org/name")],
    ["hf:org/name:Q4_K_M", hub("org/name", { quant: "Q4_K_M" })],
    ["hf:org/name@v2:q8_0", hub("org/name", { quant: "q8_0", revision: "v2" })],
    ["hf:org/name/sub/a.gguf", hub("org/name", { file: "sub/a.gguf" })],
    ["hf.co/org/name:Q8_0", hub("org/name", { quant: "Q8_0" })],
    ["https://huggingface.co/org/name", hub("org/name")],
    ["https://huggingface.co/org/name/", hub("org/name")],
    ["https://hf.co/org/name/tree/dev", hub("org/name", { revision: "dev" })],
    ["https://huggingface.co/org/name/blob/main/a.gguf?download=true", hub("org/name", { file: "a.gguf" })],
    ["https://huggingface.co/org/name/resolve/abc123/a%20b.gguf", hub("org/name", { file: "a b.gguf", revision: "abc123" })],
    ["hf:org/name@refs/pr/1", hub("org/name", { revision: "refs/pr/1" })],
    ["hf:org/name@refs/pr/1:Q4_K_M", hub("org/name", { quant: "Q4_K_M", revision: "refs/pr/1" })],
    ["hf:org/name@refs/pr/1/sub/a.gguf", hub("org/name", { file: "sub/a.gguf", revision: "refs/pr/1" })],
    ["hf:org/name@refs%2Fpr%2F1/a.gguf", hub("org/name", { file: "a.gguf", revision: "refs/pr/1" })],
    ["hf:org/name@feature/x", hub("org/name", { revision: "feature/x" })],
    ["hf:org/name@v2/sub/a.gguf", hub("org/name", { file: "sub/a.gguf", revision: "v2" })],
    ["https://huggingface.co/org/name/tree/refs%2Fpr%2F1", hub("org/name", { revision: "refs/pr/1" })],
    ["https://huggingface.co/org/name/tree/feature%2Fx", hub("org/name", { revision: "feature/x" })],
    ["https://huggingface.co/org/name/blob/refs%2Fpr%2F1/a.gguf", hub("org/name", { file: "a.gguf", revision: "refs/pr/1" })],
    ["https://huggingface.co/org/name/resolve/refs/pr/1/a.gguf", hub("org/name", { file: "a.gguf", revision: "refs/pr/1" })],
    ["https://example.com/a.gguf", { kind: "url", url: "https://example.com/a.gguf" }],
    ["https://huggingface.co.example.com/a/b", { kind: "url", url: "https://huggingface.co.example.com/a/b" }],
    ["./a.gguf", { kind: "path", path: "./a.gguf" }],
    ["/models/a", { kind: "path", path: "/models/a" }],
    ["~/a.gguf", { kind: "path", path: "~/a.gguf" }],
    ["C:\\models\\a.gguf", { kind: "path", path: "C:\\models\\a.gguf" }],
    ["a.gguf", { kind: "path", path: "a.gguf" }],
  ])("%s", (text, named) => expect(parseModelName(text)).toEqual(named));

  test.each([
    "hf:",
    "hf:org",
    "hf:org/../name",
    "hf:../../etc",
    "hf:org/name/../../x.gguf",
    "hf:org/name/%2e%2e/x.gguf",
    "hf:org/name:Q4/x.gguf",
    "hf:org/na me",
    "hf:org/name/readme.md",
    "https://huggingface.co/org",
    "ftp://example.com/a.gguf",
    "hf:org/name@../x",
    "hf:org/name@",
    "hf:org/name@a/../../b",
    "hf:org/name@a%2F..%2F..%2Fb",
    "https://huggingface.co/org/name/resolve/refs/../../a.gguf",
    "https://huggingface.co/org/name/tree/",
  ])("%s names nothing, and it is said what would", (text) =>
    expect(() => parseModelName(text)).toThrow(/ Name it hf:|not an http address/),
  );

  test("gives an id, a plain file name and one address", () => {
    const id = (text: string) => idOfName(parseModelName(text) as Exclude<ModelName, { kind: "id" }>);
    expect(id("hf:org/name")).toBe("org/name");
    expect(id("hf:org/name:Q8_0")).toBe("org/name:Q8_0");
    expect(id("hf:org/name/x/big-00001-of-00003.gguf")).toBe("org/name/big");
    expect(id("https://example.com/x/My%20Model.Q4.gguf?a=b")).toBe("My Model.Q4");
    expect(id("/x/y/a.gguf")).toBe("a");
    expect(safeFileName("/x/../My%20Model.gguf")).toBe("My-Model.gguf");
    expect(safeFileName("/download")).toBe("download.gguf");
    expect(safeFileName("/..%2f..%2fetc%2fpasswd")).toBe("passwd.gguf");
    expect(safeFileName("/")).toBe("model.gguf");
    expect(safeFileName(`/${"x".repeat(400)}.gguf`)).toHaveLength(195);
    const address = (text: string) => addressOfName(parseModelName(text) as Exclude<ModelName, { kind: "id" }>);
    expect(address("hf:org/name:q8_0")).toBe(address("hf.co/org/name:Q8_0"));
    expect(address("hf:org/name")).not.toBe(address("hf:org/name:Q8_0"));
    for (const name of ["hf:org/name@refs/pr/1", "hf:org/name@feature/x", "hf:org/name@feature%2Fx/a.gguf"])
      expect(parseModelName(address(name))).toEqual(parseModelName(name));
    expect(address("hf:org/name/a.gguf")).toBe(address("https://huggingface.co/org/name/resolve/main/a.gguf"));
  });
});

describe("the files of a repository", () => {
  const entry = (path: string, size = 10): HubEntry => ({ type: "file", path, size, lfs: { oid: "a".repeat(64), size } });
  const names = (paths: string[], more: object = {}) =>
    chooseFiles(
      paths.map((path) => entry(path)),
      { repo: "org/name", revision: "main", ...more },
    ).map(({ name }) => name);

  test("are one that most machines can run, or the one that was named", () => {
    const all = ["README.md", "m-F16.gguf", "m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-Q2_K.gguf", "m.imatrix.gguf"];
    expect(names(all)).toEqual(["m-Q4_K_M.gguf"]);
    expect(names(all, { quant: "q8_0" })).toEqual(["m-Q8_0.gguf"]);
    expect(names(all, { file: "m-F16.gguf" })).toEqual(["m-F16.gguf"]);
    expect(names(["only.gguf"])).toEqual(["only.gguf"]);
  });

  test("carry their size, their sha256 and their source", () => {
    expect(chooseFiles([entry("a/m.gguf", 7)], { repo: "org/name", revision: "v1" })).toEqual([
      {
        ...{ name: "m.gguf", size: 7, sha256: "a".repeat(64) },
        sources: [{ type: "huggingface", repo: "org/name", file: "a/m.gguf", revision: "v1" }],
      },
    ]);
  });

  test("are all parts in their order, and a projector beside them", () => {
    const parts = [2, 1, 3].map((n) => `Q4_K_M/m-Q4_K_M-0000${n}-of-00003.gguf`);
    const files = chooseFiles(
      [...parts, "mmproj-F32.gguf", "mmproj-F16.gguf"].map((path) => entry(path)),
      {
        repo: "org/name",
        revision: "main",
      },
    );
    expect(files.map(({ name, role }) => [name, role])).toEqual([
      ["m-Q4_K_M-00001-of-00003.gguf", undefined],
      ["m-Q4_K_M-00002-of-00003.gguf", undefined],
      ["m-Q4_K_M-00003-of-00003.gguf", undefined],
      ["mmproj-F16.gguf", "projector"],
    ]);
    expect(() => names(parts.slice(1))).toThrow(
      `Of the 3 parts of the model only 2 are in org/name. Missing: m-Q4_K_M-00002-of-00003.gguf.`,
    );
  });

  test.each([
    [["mmproj-BF16.gguf", "mmproj-F16.gguf", "mmproj-F32.gguf"], "m-4b-Q4_0.gguf", "mmproj-F16.gguf"],
    [["mmproj-F32.gguf", "mmproj-BF16.gguf"], "m-4b-Q4_0.gguf", "mmproj-BF16.gguf"],
    [["mmproj-12b-f16.gguf", "mmproj-4b-bf16.gguf"], "m-4b-Q4_0.gguf", "mmproj-4b-bf16.gguf"],
    [["mmproj-12b-f16.gguf", "mmproj-f32.gguf"], "m-4b-Q4_0.gguf", "mmproj-f32.gguf"],
    [["mmproj-12b-f16.gguf"], "m-4b-Q4_0.gguf", undefined],
    [["mmproj-12b-f16.gguf"], "m-Q4_0.gguf", "mmproj-12b-f16.gguf"],
    [["a/mmproj-F16.gguf", "b/mmproj-BF16.gguf"], "b/m-Q4_0.gguf", "mmproj-BF16.gguf"],
    [["mmproj/m-Q4_0.gguf"], "m-Q4_0.gguf", "mmproj-m-Q4_0.gguf"],
    [["mmproj-a-4b-f16.gguf", "mmproj-b-4b-bf16.gguf"], "b-4b-Q4_0.gguf", "mmproj-b-4b-bf16.gguf"],
    [["mmproj-a-f16.gguf", "mmproj-bf16.gguf"], "b-Q4_0.gguf", "mmproj-bf16.gguf"],
  ])("of the projectors %j %s gets %s", (projectors, weights, chosen) => {
    expect(names([...projectors, weights])).toEqual([weights.split("/").at(-1)!, ...(chosen === undefined ? [] : [chosen])]);
  });

  test.each([
    "m-lora-Q4_K_M.gguf",
    "lora/m-Q4_K_M.gguf",
    "adapter-Q4_K_M.gguf",
    "mtp-m-Q4_K_M.gguf",
    "m-Q4_K_M.imatrix.gguf",
    "m-vocab.gguf",
  ])("are not %s, unless that is named", (beside) => {
    expect(names([beside, "m-Q2_K.gguf"])).toEqual(["m-Q2_K.gguf"]);
    expect(() => names([beside])).toThrow(/^(No file of org\/name is named like a model: .* Name one: |There is no GGUF file)/);
    if (!beside.includes("imatrix")) expect(names([beside], { file: beside })).toEqual([beside.split("/").at(-1)!]);
  });

  test("that do not fit or are missing fail with the names of what there is", () => {
    expect(() => names(["a.safetensors"])).toThrow(
      'There is no GGUF file in org/name. Look for a repository whose name ends with "-GGUF".',
    );
    expect(() => names(["m-Q4_0.gguf", "m-Q8_0.gguf"], { quant: "Q9" })).toThrow(
      "There is no Q9 in org/name. It has: Q4_0, Q8_0.",
    );
    expect(() => names(["m.gguf"], { file: "x.gguf" })).toThrow("There is no x.gguf in org/name. It has: m.gguf.");
    expect(() => names(["a-Q4_0.gguf", "b-Q4_0.gguf"])).toThrow("More than one file of org/name fits: a-Q4_0.gguf, b-Q4_0.gguf.");
  });

  test.each([
    ["m-Q4_K_M.gguf", "Q4_K_M"],
    ["m.Q4_1.gguf", "Q4_1"],
    ["qwen2.5-0.5b-instruct-q4_k_m.gguf", "Q4_K_M"],
    ["m-IQ2_XXS.gguf", "IQ2_XXS"],
    ["m-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"],
    ["m-fp16.gguf", "F16"],
    ["m-BF16-00001-of-00002.gguf", "BF16"],
    ["gpt-oss-20b-MXFP4.gguf", "MXFP4"],
    ["Qwen3-8B.gguf", undefined],
  ])("%s is %s", (path, quant) => expect(quantOf(path)).toBe(quant));

  const never = new AbortController().signal;
  const asking = (answer: () => Response) =>
    listFiles({ repo: "org/name", revision: "main" }, { fetch: async () => answer() }, never);

  test("are listed by the hub, and its refusals are sentences", async () => {
    expect(await asking(() => Response.json([entry("m.gguf")]))).toHaveLength(1);
    await expect(asking(() => new Response("", { status: 404 }))).rejects.toThrow(
      'There is no repository org/name with the revision "main" on the hub.',
    );
    await expect(asking(() => new Response("", { status: 401 }))).rejects.toThrow("It may need a token in HF_TOKEN.");
    await expect(asking(() => new Response("<html>"))).rejects.toThrow("did not answer with a list of files");
    await expect(asking(() => Response.json({ error: "x" }))).rejects.toThrow("did not answer with a list of files");
    await expect(asking(() => new Response("", { status: 503 }))).rejects.toThrow("The hub answered 503");
  });

  test("hold no more than a listing can", async () => {
    const endless = () => new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1 << 20).fill(32)) }));
    await expect(asking(endless)).rejects.toThrow("lists more files than any repository has");
  });
});

test("a name of the hub without its prefix is one", () =>
  expect(parseHubReference("org/name:Q8_0")).toEqual({ repo: "org/name", revision: "main", quant: "Q8_0" }));
