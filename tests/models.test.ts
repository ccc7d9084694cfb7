// GET /v1/models, GET /v1/models/{id} and GET /health.
import { describe, expect, test } from "bun:test";
import { errorOf, makeApp, makeModel, NOW } from "./support/app.ts";
import { fakeAdapter } from "./support/fake-adapter.ts";

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

describe("a model", () => {
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
      parameters: { temperature: 0.5, stop: ["END"] },
      metadata: { author: "Ada", tags: ["small"], size: 900, cover: "https://example.org/full.png" },
      engine: "llama-server",
      sources: [
        { filename: "full.gguf", type: "huggingface", url: "https://huggingface.co/org/full/resolve/main/q4.gguf" },
        { filename: "full.gguf", type: "url", url: "https://mirror.example.org/full.gguf" },
        { filename: "full.gguf", type: "pip", package: "llm-full==0.1" },
      ],
      state: "stopped",
      context_length: 2048,
      capabilities: ["chat"],
    });
  });

  test("shows no path of this machine", async () => {
    const text = await (await makeApp({ models: [FULL] }).request("/v1/models")).text();
    expect(text).not.toContain("/home/me");
  });

  test("that knows little of itself has every field with its type all the same", async () => {
    const { request } = makeApp({ models: [makeModel("tiny")] });
    expect(await (await request("/v1/models/tiny")).json()).toMatchObject({
      source_url: "",
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
  expect(await states()).toEqual(["loading", "stopped", 0]);
  load.succeed();
  await asked;
  expect(await states()).toEqual(["running", "stopped", 1]);
});

test("/health says that the server is well, which it is, and how many models there are", async () => {
  const res = await makeApp({ models: [makeModel("a"), makeModel("b")] }).request("/health");
  expect(res.status).toBe(200);
  expect(await res.json()).toEqual({ status: "ok", version: "1.2.3", models: { installed: 2, running: 0 } });
});
