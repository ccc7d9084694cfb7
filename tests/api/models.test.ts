// GET /v1/models, GET and DELETE /v1/models/{id}, and GET /health.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { echo } from "../../adapters/echo.ts";
import { catalog } from "../../models/catalog.ts";
import type { Model } from "../../models/manifest.ts";
import type { Deps } from "../../src/api/deps.ts";
import { toWireModel } from "../../src/api/models/wire-form.ts";
import { createMemoryEstimator } from "../../src/inference/memory-estimator.ts";
import { errorOf, makeApp, makeModel, NOW } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";
import { tinyModel } from "../support/models.ts";

const WRITES = ["chat", "completions", "embeddings"];

const FULL = makeModel("org/full", {
  name: "Full",
  description: "One with everything.",
  license: "MIT",
  source_url: "https://example.org/full.gguf",
  context_length: 2048,
  settings: { ctx_len: 1024, prompt_template: "{prompt}" },
  parameters: { temperature: 0.5, stop: ["END"] },
  metadata: { author: "Ada", tags: ["small"], size: 900, cover: "https://example.org/full.png" },
  engine: "llama-server",
  files: [
    {
      name: "full.gguf",
      size: 1000,
      sha256: "a".repeat(64),
      path: "/home/me/full.gguf",
      sources: [
        { type: "huggingface", repo: "org/full", file: "q4.gguf", revision: "main" },
        { type: "url", url: "https://mirror.example.org/full.gguf" },
        { type: "pip", package: "llm-full", version: "0.1", file: "llm_full/q4.gguf" },
      ],
    },
  ],
});

let weights: string;
beforeAll(() => void (weights = mkdtempSync(join(tmpdir(), "ingle-models-"))));
afterAll(() => rmSync(weights, { recursive: true, force: true }));

/** Puts a file of five bytes where the weights of a model belong; answers with its path. */
function putWeights(id: string, name = "weights.gguf"): string {
  mkdirSync(join(weights, id), { recursive: true });
  writeFileSync(join(weights, id, name), "GGUF!");
  return join(weights, id, name);
}

describe("a model", () => {
  test.each<[string, Partial<Model>, object]>([
    [
      "writes",
      { causal: true, embedding_length: 64 },
      { capabilities: [...WRITES, "decisions"], pooling: "mean", embedding_length: 64 },
    ],
    ["fills gaps", { causal: true, fill_in: true }, { capabilities: [...WRITES, "infill", "decisions"] }],
    ["embeds", { causal: false, pooling: "cls", fill_in: true }, { capabilities: ["embeddings"], pooling: "cls" }],
    ["ranks", { pooling: "rank" }, { capabilities: ["rerank"], pooling: undefined, embedding_length: undefined }],
  ])("that %s has that among its capabilities", async (_, facts, shown) => {
    const res = await makeApp({ models: [makeModel("tiny", facts)] }).request("/v1/models/tiny");
    const { capabilities, pooling, embedding_length, ...rest } = (await res.json()) as Record<string, unknown>;
    expect<unknown>({ capabilities, pooling, embedding_length }).toMatchObject(shown);
    expect(Object.keys(rest)).not.toContainAnyValues(["causal", "fill_in", "matryoshka", "output"]);
  });

  test("is the document's, with OpenAI's fields and the state", async () => {
    const { request } = makeApp({ models: [FULL] });
    const res = await request("/v1/models/org/full");
    expect(res.status).toBe(200);
    expect(await res.json()).toEqual({
      id: "org/full",
      object: "model",
      name: "Full",
      version: "1.0",
      description: "One with everything.",
      format: "gguf",
      license: "MIT",
      created: NOW - 60,
      created_at: NOW - 60,
      owned_by: "Ada",
      source_url: "https://example.org/full.gguf",
      settings: { ctx_len: 1024, prompt_template: "{prompt}" },
      parameters: {
        ...{ temperature: 0.5, top_p: 0.95, stream: false, max_tokens: 2048, stop: ["END"] },
        ...{ frequency_penalty: 0, presence_penalty: 0 },
      },
      metadata: { author: "Ada", tags: ["small"], size: 900, cover: "https://example.org/full.png" },
      engine: "echo",
      sources: [
        { filename: "full.gguf", type: "huggingface", url: "https://huggingface.co/org/full/resolve/main/q4.gguf" },
        { filename: "full.gguf", type: "url", url: "https://mirror.example.org/full.gguf" },
        { filename: "full.gguf", type: "pip", package: "llm-full==0.1" },
      ],
      state: "stopped",
      context_length: 2048,
      loaded_context_length: null,
      capabilities: ["chat", "completions", "embeddings", "decisions"],
      ...{ pooling: "mean", embedding_length: null },
    });
  });

  test("says what a slot would hold after a load, and what it holds in a loaded engine", async () => {
    const tiny = await tinyModel({ context_length: 6_000, template: "" });
    const made = makeApp({ models: [makeModel("tiny")], adapter: echo() });
    const deps = {
      ...made,
      adapterOf: () => echo(),
      library: { ...made.library, resolve: async () => tiny },
      estimator: createMemoryEstimator({ slots: 2, budget: () => 100e9 }),
    } as unknown as Deps;
    const shown = () => toWireModel(makeModel("tiny", { files: [{ name: "a.gguf", sources: [] }] }), "installed", deps);
    const said = async () => (await shown()).loaded_context_length;
    expect(await said()).toBe(6_000);
    // What its record does not say of its template, as an imported one, the file says.
    expect((await shown()).settings).toEqual({ ctx_len: 6_000, prompt_template: expect.stringContaining("{prompt}") });
    await made.chat();
    // The engine of this pool has no estimate, and takes the least.
    expect(await said()).toBe(4_096);
  });

  test("says what would lie on a graphics card of its engine, and how fast it would be without one", async () => {
    const tiny = await tinyModel({ context_length: 6_000, template: "" });
    const made = makeApp({ models: [makeModel("tiny")], adapter: echo() });
    const fitWith = async (free_bytes?: number) => {
      const cards = free_bytes === undefined ? [] : [{ name: "A card", total_bytes: 8e9, free_bytes, unified: false }];
      const deps = {
        ...made,
        adapterOf: () => echo(),
        library: { ...made.library, resolve: async () => tiny },
        estimator: createMemoryEstimator({ slots: 2, budget: () => 100e9 }),
        cardsOf: async () => cards,
        answerSpeed: () => 12.3456,
      } as unknown as Deps;
      const model = makeModel("tiny", { files: [{ name: "a.gguf", sources: [] }] });
      const shown = await toWireModel(model, "installed", deps, { fit: true });
      return "fit" in shown ? shown.fit : undefined;
    };
    expect(await fitWith(7e9)).toMatchObject({
      place: "card",
      cards: ["A card"],
      gpu_layers: 3,
      layers: 3,
      card_free_bytes: 7e9,
    });
    expect(await fitWith(7e9)).not.toHaveProperty("tokens_per_second");
    const without = await fitWith();
    expect(without).toMatchObject({ place: "memory", fits: true, tokens_per_second: 12 });
    expect(without).not.toHaveProperty("cards");
  });

  test("shows no path of this machine", async () => {
    const text = await (await makeApp({ models: [FULL] }).request("/v1/models")).text();
    expect(text).not.toContain("/home/me");
  });

  test("that knows little of itself has every field with its type all the same", async () => {
    const { request } = makeApp({ models: [makeModel("tiny")] });
    expect(await (await request("/v1/models/tiny")).json()).toMatchObject({
      source_url: "urn:ingle:tiny",
      owned_by: "",
      metadata: { size: 0 },
      engine: "echo",
      sources: [],
      context_length: null,
    });
  });

  test("takes its source from its files, and its size too", async () => {
    const { source_url: _, ...files } = FULL;
    const { request } = makeApp({ models: [{ ...files, metadata: {} }] });
    const url = "https://huggingface.co/org/full/resolve/main/q4.gguf";
    expect(await (await request("/v1/models/org/full")).json()).toMatchObject({ source_url: url, metadata: { size: 1000 } });
  });

  test("B-48: is the same by a raw and by an encoded id", async () => {
    const ids = ["org/full", "a:b", "ä 漢", "50%", "download", "a?b#c"];
    const { request } = makeApp({ models: ids.map((id) => makeModel(id)) });
    for (const id of ids) {
      const res = await request(`/v1/models/${encodeURIComponent(id)}`);
      expect(((await res.json()) as { id: string }).id).toBe(id);
    }
    expect(((await (await request("/v1/models/org/full/")).json()) as { id: string }).id).toBe("org/full");
  });

  const UNKNOWN = ["nope", "org", "..%2f..%2fetc%2fpasswd", "..%5cx", "%00", "%", "__proto__", "constructor", "x".repeat(5000)];
  test.each(UNKNOWN)("B-46: %s is a 404", async (id) => {
    const error = await errorOf(await makeApp({ models: [FULL] }).request(`/v1/models/${id}`));
    expect(error).toMatchObject({ status: 404, type: "invalid_request_error", param: "model_id", code: "model_not_found" });
    expect(error.message.length).toBeLessThan(300);
  });
});

describe("the list", () => {
  test("holds what is installed, in the library's order", async () => {
    const { request } = makeApp({ models: [makeModel("a"), makeModel("b"), makeModel("c")] });
    const list = (await (await request("/v1/models")).json()) as { data: { id: string }[] };
    expect(list).toMatchObject({ object: "list", first_id: "a", last_id: "c", has_more: false });
    expect(list.data.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    const one = await (await request("/v1/models/b")).json();
    expect(list.data[1]).toEqual(one as { id: string });
  });

  test("of nothing is an empty list", async () => {
    const empty = { object: "list", data: [], first_id: null, last_id: null, has_more: false };
    expect(await (await makeApp({ models: [] }).request("/v1/models")).json()).toEqual(empty);
  });

  const ids = async (made: ReturnType<typeof makeApp>, query: string) => {
    const list = (await (await made.request(`/v1/models?${query}`)).json()) as { data: { id: string }[]; has_more: boolean };
    return [...list.data.map(({ id }) => id), list.has_more];
  };

  test("is sorted by id, and comes in pages where one is asked for", async () => {
    const made = makeApp({ models: ["c", "a", "b"].map((id) => makeModel(id)) });
    expect(await ids(made, "")).toEqual(["a", "b", "c", false]);
    expect(await ids(made, "limit=2")).toEqual(["a", "b", true]);
    expect(await ids(made, "limit=2&after=b")).toEqual(["c", false]);
    expect(await ids(made, "order=desc&before=a")).toEqual(["c", "b", false]);
  });

  test.each([
    ["limit=0", "limit"],
    ["order=x", "order"],
    ["after=nope", "after"],
    ["catalog=abc", "catalog"],
    ["catalog=", "catalog"],
  ])("B-15: ?%s is a 400", async (query, param) => {
    const error = await errorOf(await makeApp().request(`/v1/models?${query}`));
    expect(error).toMatchObject({ status: 400, param, code: "invalid_value" });
  });

  test("with the catalogue holds what could be downloaded too, and what a stopped download has left", async () => {
    putWeights("qwen3-4b", "Qwen3-4B-Q4_K_M.gguf.part");
    const { request } = makeApp({ models: [makeModel("mine"), makeModel("qwen3-8b")], weights });
    const { data } = (await (await request("/v1/models?catalog=true")).json()) as { data: Record<string, unknown>[] };
    expect(data.map(({ id }) => id)).toEqual([...(await catalog()).map(({ id }) => id), "mine"].sort());
    const of = (id: string) => data.find((model) => model["id"] === id);
    expect(of("qwen3-4b")).toMatchObject({ state: "available", partial_bytes: 5, created: 0, metadata: { size: 2497280256 } });
    expect(of("qwen3-0.6b")).toMatchObject({ state: "available", source_url: "https://huggingface.co/Qwen/Qwen3-0.6B" });
    expect(of("qwen3-0.6b")).not.toHaveProperty("partial_bytes");
    expect(of("qwen3-8b")).toMatchObject({ state: "damaged", name: "qwen3-8b" });
    expect((await request("/v1/models/qwen3-4b")).status).toBe(404);
    expect(await (await request("/v1/models/qwen3-4b?catalog=true")).json()).toEqual(of("qwen3-4b"));
    expect((await request("/v1/models/nope?catalog=true")).status).toBe(404);
  });

  test("by itself is shown without a look at what else is to be fetched, and not at all where that cannot be read", async () => {
    const made = makeApp({ models: [] });
    await made.library.addPending({ model: makeModel("wanted") });
    for (const id of ["other", "qwen3-4b"]) await made.driver.setItem!(`downloads:${id}`, "{", {});
    expect(await (await made.request("/v1/models/wanted")).json()).toMatchObject({ id: "wanted", state: "available" });
    expect((await made.request("/v1/models/nope")).status).toBe(404);
    expect(made.log).toEqual([]);
    expect((await made.request("/v1/models/other")).status).toBe(404);
    expect((await made.request("/v1/models/qwen3-4b?catalog=true")).status).toBe(200);
    expect(made.log).toHaveLength(2);
  });

  test("tells of weights that are missing or have changed in size", async () => {
    putWeights("whole");
    putWeights("cut");
    const file = { name: "weights.gguf", sources: [], size: 5 };
    const models = [
      makeModel("cut", { files: [{ ...file, size: 6 }] }),
      makeModel("gone", { files: [file] }),
      makeModel("whole", { files: [file] }),
    ];
    const { request } = makeApp({ models, weights });
    const { data } = (await (await request("/v1/models")).json()) as { data: { state: string }[] };
    expect(data.map(({ state }) => state)).toEqual(["damaged", "damaged", "stopped"]);
    expect(await (await request("/v1/models/cut")).json()).toMatchObject({ id: "cut", state: "damaged" });
  });

  test("shows records that cannot be read as damaged, and hides no other behind them", async () => {
    const { request, driver, log } = makeApp({ models: [makeModel("b")] });
    void driver.setItem!("models:a_2fx", "{", {});
    const { data } = (await (await request("/v1/models")).json()) as { data: object[] };
    expect(data).toMatchObject([
      { id: "a/x", object: "model", state: "damaged", name: "a/x", source_url: "urn:ingle:a%2Fx", created_at: 0, sources: [] },
      { id: "b", state: "stopped" },
    ]);
    expect(await errorOf(await request("/v1/models/a/x"))).toMatchObject({ status: 500, code: "corrupted_entity" });
    expect(log.some(({ message }) => message === "a record cannot be read")).toBe(true);
  });

  test("a trailing slash is no other path", async () => {
    const { request } = makeApp();
    expect(await (await request("/v1/models/")).json()).toEqual(await (await request("/v1/models")).json());
  });
});

test("the state follows the engine, in the model, the list and /health", async () => {
  const fake = fakeAdapter({ hold_loads: true, answer: ["x"] });
  const { request, chat } = makeApp({ adapter: fake.adapter, models: [makeModel("tiny"), makeModel("other")] });
  const states = async () => {
    const { data } = (await (await request("/v1/models")).json()) as { data: { state: string }[] };
    const health = (await (await request("/health")).json()) as { models: { running: number } };
    return [...data.map(({ state }) => state), health.models.running];
  };
  expect(await states()).toEqual(["stopped", "stopped", 0]);
  const asked = chat({ model: "tiny" });
  const load = await fake.load(0);
  expect(await states()).toEqual(["stopped", "loading", 0]);
  load.succeed();
  await asked;
  expect(await states()).toEqual(["stopped", "running", 1]);
});

describe("DELETE", () => {
  const remove = (made: ReturnType<typeof makeApp>, id: string) => made.request(`/v1/models/${id}`, { method: "DELETE" });

  test("B-47: takes the record and the weights, and a second time there is nothing", async () => {
    const path = putWeights("tiny");
    const made = makeApp({ weights });
    const res = await remove(made, "tiny");
    expect([res.status, await res.json()]).toEqual([200, { id: "tiny", object: "model", deleted: true }]);
    expect(existsSync(path)).toBe(false);
    expect(await errorOf(await remove(made, "tiny"))).toMatchObject({ status: 404, param: "model_id", code: "model_not_found" });
    expect((await made.request("/v1/models/tiny")).status).toBe(404);
    expect((await made.chat({ model: "tiny" })).status).toBe(404);
  });

  test.each(["nope", "..%2f..%2fetc", "%00", "x".repeat(5000)])("B-46: of %s is a 404", async (id) => {
    expect(await errorOf(await remove(makeApp(), id))).toMatchObject({ status: 404, code: "model_not_found" });
  });

  test.each([
    ["org/full", "org/full"],
    ["org/full", "org%2Ffull"],
    ["download", "download"],
    ["download/x", "download%2Fx"],
    ["a:b", "a:b"],
  ])("B-48: of %s works as %s", async (id, path) => {
    const made = makeApp({ models: [makeModel(id), makeModel("other")] });
    expect(await (await remove(made, path)).json()).toEqual({ id, object: "model", deleted: true });
    expect(await made.store.models.ids()).toEqual(["other"]);
  });

  test("leaves a file that is used in place alone", async () => {
    const path = putWeights("elsewhere", "mine.gguf");
    const made = makeApp({ models: [makeModel("mine", { files: [{ name: "weights.gguf", sources: [], path }] })], weights });
    expect((await remove(made, "mine")).status).toBe(200);
    expect(existsSync(path)).toBe(true);
  });

  test("takes a damaged record, and what a stopped download has left", async () => {
    const path = putWeights("left", "weights.gguf.part");
    const made = makeApp({ models: [], weights });
    void made.driver.setItem!("models:bad", "{", {});
    expect([(await remove(made, "bad")).status, (await remove(made, "bad")).status]).toEqual([200, 404]);
    expect([(await remove(made, "left")).status, existsSync(path), (await remove(made, "left")).status]).toEqual([
      200,
      false,
      404,
    ]);
  });

  test("lets the requests that run and wait end, then the engine goes, then the weights", async () => {
    const path = putWeights("tiny");
    const fake = fakeAdapter();
    const made = makeApp({ adapter: fake.adapter, pool: { slots: 1 }, weights });
    const answers = [made.chat(), made.chat()];
    const first = await fake.generation(0);
    first.say("whole");
    const removing = remove(made, "tiny");
    while ((await made.request("/v1/models/tiny")).status !== 404) await Bun.sleep(5);
    expect((await made.chat({ model: "tiny" })).status).toBe(404);
    expect((await remove(made, "tiny")).status).toBe(404);
    first.finish();
    const second = await fake.generation(1);
    expect([(await fake.load(0)).closed, existsSync(path)]).toEqual([false, true]);
    second.say("too");
    second.finish();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await removing).status).toBe(200);
    expect([(await fake.load(0)).closed, existsSync(path)]).toEqual([true, false]);
  });

  test("amid a load lets who waits for it have the answer", async () => {
    const fake = fakeAdapter({ hold_loads: true, answer: ["whole"] });
    const made = makeApp({ adapter: fake.adapter });
    const asked = made.chat();
    const load = await fake.load(0);
    const removing = remove(made, "tiny");
    await Bun.sleep(20);
    load.succeed();
    expect(((await (await asked).json()) as any).choices[0].message.content).toBe("whole");
    expect((await removing).status).toBe(200);
    expect(load.closed).toBe(true);
  });

  test("of a model that comes back under its id leaves nothing of the old one", async () => {
    const fake = fakeAdapter({ answer: ["x"] });
    const made = makeApp({ adapter: fake.adapter });
    await made.chat();
    await remove(made, "tiny");
    await made.library.add(makeModel("tiny", { settings: { ctx_len: 99 } }));
    expect((await (await made.request("/v1/models/tiny")).json()) as object).toMatchObject({ state: "stopped" });
    expect((await made.chat()).status).toBe(200);
    expect(fake.loads.map(({ closed, options }) => [closed, options.context])).toEqual([
      [true, 4096],
      [false, 99],
    ]);
  });
});

test("/health says that the server is well, which it is, and how many models there are", async () => {
  const res = await makeApp({ models: [makeModel("a"), makeModel("b")] }).request("/health");
  expect(res.status).toBe(200);
  expect(await res.json()).toEqual({ status: "ok", version: "1.2.3", llama_cpp: "v9.9.9", models: { installed: 2, running: 0 } });
});
