// What a model's record asks of its engine, over the API: set, shown, taken back, and each refusal with its field and a way out.
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import type { Adapter } from "../../adapters/adapter.ts";
import { echo } from "../../adapters/echo.ts";
import { ADAPTER_OPTIONS } from "../../models/adapter-options.ts";
import { errorOf, makeApp, makeModel } from "../support/app.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";
import { tinyLora } from "../support/tiny-lora.ts";

const OPERATOR = "operator-key-of-the-tests";
const OWNER = { headers: { authorization: `Bearer ${OPERATOR}` } };
const root = realpathSync(mkdtempSync(join(tmpdir(), "ingle-adapter-options-")));
afterAll(() => rmSync(root, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(mkdtempSync(join(root, "files-")), name);
  writeFileSync(path, bytes);
  return path;
}

const model = file("mine.gguf", tinyGguf({ head_count: 2 }));
const lora = file("lora.gguf", tinyLora());
const NATIVE = { name: "node-llama-cpp", capabilities: () => [], options: ADAPTER_OPTIONS };

function house(more: Parameters<typeof makeApp>[0] = {}) {
  const made = makeApp({
    models: [],
    weights: mkdtempSync(join(root, "weights-")),
    guards: { operator_key: OPERATOR },
    adapterOf: () => NATIVE,
    ...more,
  });
  const add = (body: object, init: RequestInit = OWNER) => made.post("/v1/models", body, init);
  const change = (body: object, init: RequestInit = OWNER, id = "mine") =>
    made.post(`/v1/models/${encodeURIComponent(id)}`, body, { method: "PATCH", ...init });
  const set = (adapter_options: object, init: RequestInit = OWNER) => change({ adapter_options }, init);
  const optionsFor = async (init: RequestInit = OWNER) =>
    ((await (await made.request("/v1/models/mine", init)).json()) as any).adapter_options;
  return { ...made, add, change, set, optionsFor };
}

async function furnished(more: Parameters<typeof makeApp>[0] = {}) {
  const made = house(more);
  expect((await made.add({ path: model })).status).toBe(200);
  return made;
}

describe("the options of a model", () => {
  test("come with POST, stay where a later one says nothing of them, and are changed by it", async () => {
    const { add, optionsFor } = house();
    await add({ path: model, adapter_options: { cache_type_k: "q8_0", gpu_layers: 3 } });
    expect(await optionsFor()).toEqual({ cache_type_k: "q8_0", gpu_layers: 3 });
    await add({ path: model });
    expect(await optionsFor()).toEqual({ cache_type_k: "q8_0", gpu_layers: 3 });
    await add({ path: model, adapter_options: { gpu_layers: null, flash_attention: true } });
    expect(await optionsFor()).toEqual({ cache_type_k: "q8_0", flash_attention: true });
  });

  test("are changed one by one with PATCH, which answers the model, and taken back with null", async () => {
    const { set, store } = await furnished();
    const answered = async (options: object) => ((await (await set(options)).json()) as any).adapter_options;
    expect(await answered({ gpu_layers: 0, rope_scaling: "yarn", rope_factor: 2 })).toEqual({
      ...{ gpu_layers: 0, rope_scaling: "yarn", rope_factor: 2 },
    });
    expect(await answered({ rope_scaling: null, rope_factor: null, flash_attention: false })).toEqual({
      ...{ gpu_layers: 0, flash_attention: false },
    });
    expect(await answered({ gpu_layers: null, flash_attention: null })).toBeUndefined();
    expect((await store.models.get("mine"))?.adapter_options).toBeUndefined();
  });

  test("of a model that is to be fetched are kept for it, and a later POST changes them", async () => {
    const { add, change, store } = house();
    await add({ repo: "org/name", adapter_options: { gpu_layers: 3 } });
    const pending = async () => (await store.downloads.get("org/name"))!.model.adapter_options;
    expect(await pending()).toEqual({ gpu_layers: 3 });
    await add({ repo: "org/name", adapter_options: { cache_type_k: "q8_0" } });
    expect(await pending()).toEqual({ gpu_layers: 3, cache_type_k: "q8_0" });
    expect((await change({ adapter_options: { gpu_layers: null } }, OWNER, "org/name")).status).toBe(200);
    expect(await pending()).toEqual({ cache_type_k: "q8_0" });
    const other = await errorOf(await add({ repo: "org/other", id: "org/name", adapter_options: { gpu_layers: 9 } }));
    expect(other).toMatchObject({ status: 409, code: "model_exists" });
    expect(await pending()).toEqual({ cache_type_k: "q8_0" });
  });

  test("reach the adapter, and a change unloads the model; the same once more does not", async () => {
    const loaded: unknown[] = [];
    const { load, ...adapter } = echo();
    const watched: Adapter = {
      ...{ ...adapter, options: ADAPTER_OPTIONS },
      load(installed, ...rest) {
        loaded.push(installed.adapter_options);
        return load(installed, ...rest);
      },
    };
    const made = house({ adapter: watched, pool: { resolve: (found) => made.library.resolveForLoad(found) } });
    await made.add({ path: model });
    for (const [options, state] of [
      [{ gpu_layers: 1 }, "stopped"],
      [{ gpu_layers: 1 }, "running"],
      [{ gpu_layers: 2 }, "stopped"],
    ] as const) {
      await made.set(options);
      expect(made.pool.state("mine")).toBe(state);
      expect((await made.chat({ model: "mine" })).status).toBe(200);
    }
    expect(loaded).toEqual([{ gpu_layers: 1 }, { gpu_layers: 2 }]);
  });

  test("the adapter is changed and given back to the server's choice", async () => {
    const { change, store } = await furnished();
    await change({ adapter: "llama-server" });
    expect((await store.models.get("mine"))?.engine).toBe("llama-server");
    await change({ adapter_options: { gpu_layers: 1 } });
    expect((await store.models.get("mine"))?.engine).toBe("llama-server");
    await change({ adapter: null });
    expect((await store.models.get("mine"))?.engine).toBeUndefined();
  });

  test("a record of another server that says nothing of them has none", async () => {
    const { request } = makeApp({ models: [makeModel("old")] });
    expect(await (await request("/v1/models/old")).json()).not.toHaveProperty("adapter_options");
  });
});

describe("a LoRA", () => {
  test("is taken where it lies, links followed, and its path is for the owner alone to see", async () => {
    const { set, optionsFor } = await furnished();
    const link = join(root, "link.gguf");
    symlinkSync(lora, link);
    await set({ lora: [{ path: link, scale: 0.5 }], gpu_layers: 1 });
    expect(await optionsFor()).toEqual({ gpu_layers: 1, lora: [{ path: lora, scale: 0.5 }] });
    expect(await optionsFor({})).toEqual({ gpu_layers: 1 });
  });

  test("that is gone makes its model a damaged one, which says what to do, and to clients no path", async () => {
    const path = file("going.gguf", tinyLora());
    const { set, request, library } = await furnished();
    await set({ lora: [{ path }] });
    rmSync(path);
    const problemFor = async (init: RequestInit) => (await (await request("/v1/models/mine", init)).json()) as any;
    const remedy = 'is missing. Put it back where it was, or leave it out with "ingle set mine --lora default".';
    expect(await problemFor(OWNER)).toMatchObject({ state: "damaged" });
    expect((await problemFor(OWNER)).problem).toBe(`The file "${path}" that changes the model "mine" (LoRA) ${remedy}`);
    expect((await problemFor({})).problem).toBe(`A file that changes the model "mine" (LoRA) ${remedy}`);
    const load = library.resolveForLoad((await library.get("mine"))!);
    await expect(load).rejects.toMatchObject({ status: 500, code: "model_corrupted" });
  });
});

describe("refused, with the field and what to do", () => {
  const gone = join(root, "gone.gguf");
  test.each<[change: object, param: string, sentence: string]>([
    [{ layers: 3 }, "adapter_options.layers", "That is no option of a model. There are gpu_layers, cache_type_k,"],
    [{ gpu_layers: -1 }, "adapter_options.gpu_layers", '"adapter_options.gpu_layers" is -1. It must be at least 0.'],
    [{ gpu_layers: "all" }, "adapter_options.gpu_layers", "It must be a number."],
    [{ cache_type_k: "q9" }, "adapter_options.cache_type_k", 'It must be "f32", "f16",'],
    [
      { cache_type_v: "q8_0", flash_attention: false },
      "adapter_options.cache_type_v",
      "values in q8_0 need flash attention, which is off. Turn it on, or keep the values in f16.",
    ],
    [{ rope_scaling: "yarn" }, "adapter_options.rope_factor", "yarn has to know by how much the context becomes longer."],
    [{ rope_factor: 2 }, "adapter_options.rope_factor", "Set that to linear or yarn, or leave this out."],
    [{ rope_scaling: "none", rope_factor: 2 }, "adapter_options.rope_factor", "Set that to linear or yarn"],
    [{ rope_original_context: 512 }, "adapter_options.rope_original_context", "Set that to linear or yarn"],
    [{ rope_factor: 0.5 }, "adapter_options.rope_factor", "It must be at least 1."],
    [{ rope_freq_base: 0 }, "adapter_options.rope_freq_base", "It must be >0."],
    [{ pooling: "rank" }, "adapter_options.pooling", "the file has no part that makes a rank. Take mean, cls or last."],
    [{ pooling: "none" }, "adapter_options.pooling", 'It must be "mean", "cls", "last" or "rank".'],
    [{ lora: [] }, "adapter_options.lora", "At least 1 is needed."],
    [{ lora: [{ path: gone }] }, "adapter_options.lora[0].path", "There is no file"],
    [{ lora: [{ path: lora }, { path: "./here.gguf" }] }, "adapter_options.lora[1].path", "is not an absolute path."],
    [{ lora: [{ path: lora }, { path: lora, scale: 2 }] }, "adapter_options.lora", "a file is named twice. Name it once"],
    [{ lora: [{ path: model }] }, "adapter_options.lora[0].path", "The file is no adapter (LoRA)."],
    [{ lora: [{ path: lora, weight: 1 }] }, "adapter_options.lora[0].weight", 'A file of "lora" has a path and a scale.'],
    [{ lora: [{ path: lora, scale: 1000 }] }, "adapter_options.lora[0].scale", "It must be at most 100."],
    [
      { lora: [{ path: file("other.gguf", tinyLora({ architecture: "qwen3" })) }] },
      "adapter_options.lora[0].path",
      'an adapter (LoRA) for models of the architecture "qwen3", and this one is of "llama".',
    ],
  ])("%j", async (options, param, sentence) => {
    const { set, optionsFor } = await furnished();
    const error = await errorOf(await set(options));
    expect(error).toMatchObject({ status: 400, param });
    expect(error.message).toContain(sentence);
    expect(await optionsFor()).toBeUndefined();
  });

  test("types that do not divide a head of the model, by the header of its file", async () => {
    const { add, change } = house();
    await add({ path: file("heads.gguf", tinyGguf()) });
    const error = await errorOf(await change({ adapter_options: { cache_type_k: "q8_0" } }, OWNER, "heads"));
    expect(error).toMatchObject({ status: 400, param: "adapter_options.cache_type_k" });
    expect(error.message).toContain("q8_0 stores numbers by 32, and a head of this model has 16. Take f16, bf16 or f32.");
  });

  test("an option that the adapter does not have, by what it has", async () => {
    const few = { ...NATIVE, name: "other", options: ["gpu_layers"] as const };
    const { set } = await furnished({ adapterOf: () => few });
    const error = await errorOf(await set({ flash_attention: true }));
    expect(error).toMatchObject({ status: 400, param: "adapter_options.flash_attention" });
    expect(error.message).toBe('"flash_attention" is no option of the adapter other, which runs "mine". It has gpu_layers.');
    const none = await furnished({ adapterOf: () => ({ name: "echo", capabilities: () => [] }) });
    expect((await errorOf(await none.set({ gpu_layers: 1 }))).message).toContain("It has none: leave it out.");
  });

  test("of a model that other servers run, which have their own", async () => {
    const { add } = house();
    const body = { id: "far", base_url: "http://127.0.0.1:9/v1", adapter_options: { gpu_layers: 1 } };
    expect(await errorOf(await add(body))).toMatchObject({ status: 400, param: "adapter_options" });
  });

  test("clients other than the owner name no files, nor take them away, and set the rest", async () => {
    const { add, set, optionsFor } = await furnished();
    const denied = { status: 403, param: "adapter_options.lora", code: "path_not_allowed" };
    expect(await errorOf(await set({ lora: [{ path: lora }] }, {}))).toMatchObject(denied);
    const pending = { repo: "org/name", adapter_options: { lora: [{ path: lora }] } };
    expect(await errorOf(await add(pending, {}))).toMatchObject(denied);
    await set({ lora: [{ path: lora }] });
    expect(await errorOf(await set({ lora: null }, {}))).toMatchObject(denied);
    expect((await set({ gpu_layers: 2 }, {})).status).toBe(200);
    expect(await optionsFor()).toEqual({ gpu_layers: 2, lora: [{ path: lora }] });
  });

  test("a model that is not known, and a field that cannot be changed", async () => {
    const { change } = await furnished();
    expect(await errorOf(await change({}, OWNER, "nope"))).toMatchObject({ status: 404, code: "model_not_found" });
    expect(await errorOf(await change({ adapter_options: [] }))).toMatchObject({ status: 400, param: "adapter_options" });
    const error = await errorOf(await change({ name: "x" }));
    expect(error).toMatchObject({ status: 400, param: "name" });
    expect(error.message).toBe('Of a model, "adapter" and "adapter_options" can be changed.');
  });
});
