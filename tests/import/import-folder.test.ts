// `ingle import` and what lies around the records: links, models, folders that are none.
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { createLibrary } from "../../src/library/library.ts";
import {
  bring,
  contents,
  emptyFolder,
  FIXTURES,
  folderWith,
  importing,
  line,
  makeStore,
  oldFolder,
  put,
  taken,
  told,
} from "../support/old-folder.ts";
import { failure } from "../support/records.ts";
import { splitKeys, tinyGguf } from "../support/tiny-gguf.ts";

describe("links", () => {
  test("are not followed, and told", async () => {
    const folder = folderWith(line("1", "a"));
    const other = folderWith(line("1", "secret"));
    put(other, "model.gguf", "GGUF");
    mkdirSync(join(folder, "threads/u"));
    mkdirSync(join(folder, "models/m"), { recursive: true });
    mkdirSync(join(folder, "models/n"), { recursive: true });
    symlinkSync(join(other, "threads/t"), join(folder, "threads/linked"));
    symlinkSync(join(other, "threads/t/messages.jsonl"), join(folder, "threads/u/messages.jsonl"));
    symlinkSync(join(other, "threads"), join(folder, "assistants"));
    put(folder, "models/m/model.json", JSON.stringify({ id: "m", sources: [{ filename: "m.gguf" }] }));
    symlinkSync(join(other, "model.gguf"), join(folder, "models/m/m.gguf"));
    put(folder, "models/n/model.json", JSON.stringify({ id: "n", sources: [{ filename: "n.gguf" }] }));
    put(folder, "models/real.gguf", "GGUF");
    symlinkSync(join(folder, "models/real.gguf"), join(folder, "models/n/n.gguf"));
    symlinkSync(other, join(folder, "models/elsewhere"));
    const { store, report } = await importing(folder);
    expect(taken(report)).toEqual({ thread: 1, message: 1 });
    expect(JSON.stringify(await contents(store))).not.toContain("secret");
    const link = "It is a link or no regular folder: links are not followed.";
    expect(told(report)).toEqual(
      expect.arrayContaining([
        `skipped assistant assistants: ${link}`,
        `skipped thread threads/linked: ${link}`,
        expect.stringMatching(/^skipped thread threads\/u\/messages.jsonl: It is not a regular file/),
        `skipped model models/elsewhere: ${link}`,
        expect.stringMatching(/^skipped model models\/m\/model.json: /),
        expect.stringMatching(/^skipped model models\/n\/model.json: .*links are not read/),
      ]),
    );
  });

  test("to the old folder itself are fine", async () => {
    const link = join(emptyFolder(), "jan");
    symlinkSync(oldFolder("jan-0.4"), link);
    expect(taken((await importing(link)).report)).toEqual({ thread: 2, message: 6, model: 1 });
  });
});

describe("a model", () => {
  const jan6 = (yaml: string): string => {
    const folder = emptyFolder();
    put(folder, "llamacpp/models/a/model.yml", yaml);
    return folder;
  };

  test("with an absolute path is used there, and its file outlives its removal", async () => {
    const elsewhere = emptyFolder();
    put(elsewhere, "mine.gguf", "GGUF");
    const path = join(elsewhere, "mine.gguf");
    const { store } = await importing(jan6(`name: a\nmodel_path: ${path}\n`));
    expect((await contents(store)).models[0]!.files).toMatchObject([{ name: "mine.gguf", size: 4, path }]);
    const library = createLibrary({ records: store.models, downloads: store.downloads, weights: join(emptyFolder(), "weights") });
    expect(await library.remove("a")).toBe(true);
    expect(readFileSync(path, "utf8")).toBe("GGUF");
  });
  test("in several parts is taken with all of them, or not at all", async () => {
    const folder = jan6("name: a\nmodel_path: llamacpp/models/a/m-00001-of-00003.gguf\n");
    for (const part of [1, 2]) put(folder, `llamacpp/models/a/m-0000${part}-of-00003.gguf`, "GGUF");
    expect(told((await importing(folder)).report)).toEqual([
      `skipped model llamacpp/models/a/model.yml: Of its file ${folder}/llamacpp/models/a/m-00003-of-00003.gguf: It is not there.`,
    ]);
    put(folder, "llamacpp/models/a/m-00003-of-00003.gguf", "GGUF");
    const { models } = await contents((await importing(folder)).store);
    expect(models[0]).toMatchObject({ id: "a", metadata: { size: 12 } });
    expect(models[0]!.files.map(({ name }) => name)).toEqual([1, 2, 3].map((n) => `m-0000${n}-of-00003.gguf`));
  });
  test("of another id that is installed already stays as it is", async () => {
    const { store } = await importing(oldFolder("cortex"));
    const { models } = await contents(store);
    expect(told(await bring(store, oldFolder("cortex"))).filter((reason) => reason.includes("model"))).toEqual(
      expect.arrayContaining([expect.stringContaining('Another model "tinyllama:1b" is installed already.')]),
    );
    expect((await contents(store)).models).toEqual(models);
  });
  test.each([
    [tinyGguf({ type: "adapter" }), "The file is an adapter (LoRA)"],
    [tinyGguf({ keys: splitKeys(1, 3) }), "The file is the first of 3 parts of a model, and there is 1."],
  ])("whose file is no whole model is skipped %#", async (bytes, why) => {
    const folder = emptyFolder();
    put(folder, "models/m/model.json", JSON.stringify({ id: "m", sources: [{ filename: "m.gguf" }] }));
    put(folder, "models/m/m.gguf", bytes);
    expect(told((await importing(folder)).report)).toEqual([expect.stringContaining(`models/m/model.json: ${why}`)]);
  });
  test.each([
    ["x".repeat(513), "it has 513 bytes, and 512 are the most"],
    ["Ä".repeat(257), "it has 514 bytes, and 512 are the most"],
    [".", "a path that ends with it is that of a folder"],
    ["..", "a path that ends with it is that of a folder"],
    ["a\ud800", "half of a character is in it, which no address can hold"],
  ])("B-63: with the id %j, which cannot be one, is skipped", async (id, why) => {
    const folder = emptyFolder();
    put(folder, "models/m/model.json", JSON.stringify({ id, sources: [{ filename: "m.gguf" }] }));
    put(folder, "models/m/m.gguf", "GGUF");
    const [reason, ...others] = told((await importing(folder)).report);
    expect(reason).toStartWith("skipped model models/m/model.json: Its id ");
    expect(reason).toEndWith(`cannot be that of a model: ${why}.`);
    expect(others).toEqual([]);
  });
  test.each(["x".repeat(512), "Ä".repeat(256), "a/b:c"])("with the id %j is taken", async (id) => {
    const folder = emptyFolder();
    put(folder, "models/m/model.json", JSON.stringify({ id, sources: [{ filename: "m.gguf" }] }));
    put(folder, "models/m/m.gguf", "GGUF");
    expect((await contents((await importing(folder)).store)).models.map((model) => model.id)).toEqual([id]);
  });
});

describe("what is not an old folder", () => {
  const sentence = async (path: string): Promise<string> => {
    const error = await failure(bring(makeStore(), path));
    expect(error.name).toBe("ImportError");
    return error.message;
  };

  test("is refused with a sentence", async () => {
    const empty = emptyFolder();
    expect(await sentence(empty)).toStartWith(`${empty} is not a data folder of Jan or cortex: `);
    expect(await sentence(join(empty, "nope"))).toBe(`There is no folder ${join(empty, "nope")}. Check the path.`);
    put(empty, "file", "text");
    expect(await sentence(join(empty, "file"))).toBe(
      `${join(empty, "file")} is not a folder. Name the data folder of Jan or cortex.`,
    );
    expect(await sentence(FIXTURES)).toContain("is not a data folder of Jan or cortex");
    put(empty, "ingle.json", "{}");
    mkdirSync(join(empty, "threads"));
    expect(await sentence(empty)).toBe(`${empty} is a data folder of ingle itself. Use it with --data instead.`);
  });
  test("may have the data folder in its data/, as Jan's configuration folder has", async () => {
    const folder = emptyFolder();
    put(folder, "data/threads/t/messages.jsonl", line("1", "a"));
    expect(taken((await importing(folder)).report)).toEqual({ thread: 1, message: 1 });
  });
  test("an empty Jan is imported: nothing is taken", async () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, "threads"));
    expect((await importing(folder)).report).toEqual({ from: "jan", taken: [], reduced: [], skipped: [] });
  });
});
