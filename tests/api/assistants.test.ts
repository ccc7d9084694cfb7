// /v1/assistants: the built-in one and those that are made, in both dialects.
import { describe, expect, test } from "bun:test";
import { errorOf, makeApp, NOW } from "../support/app.ts";

const json = async (res: Response): Promise<any> => res.json();
const OPENAI = { headers: { "openai-beta": "assistants=v2" } };

describe("jan", () => {
  test("is always there, with every field of the document", async () => {
    const { request } = makeApp();
    const jan = await json(await request("/v1/assistants/jan"));
    expect(jan).toEqual({
      id: "jan",
      object: "assistant",
      version: 1,
      created_at: 0,
      name: "Jan",
      description: expect.stringContaining("assistant"),
      avatar: expect.stringMatching(/^data:image\/svg\+xml,[!-~]+$/),
      models: [],
      model: "",
      instructions: "You are a helpful assistant.",
      events: { in: [], out: [] },
      metadata: {},
      tools: [],
      temperature: null,
      top_p: null,
      response_format: null,
      reasoning_effort: null,
    });
    expect(await json(await request("/v1/assistants"))).toEqual([jan]);
  });

  test("can be changed, and remains changed", async () => {
    const { post, request } = makeApp();
    const changed = await json(await post("/v1/assistants/jan", { instructions: "Be kind." }, { method: "PATCH" }));
    expect(changed).toMatchObject({ id: "jan", version: 2, name: "Jan", instructions: "Be kind." });
    expect(await json(await request("/v1/assistants/jan"))).toEqual(changed);
    expect(await json(await request("/v1/assistants"))).toEqual([changed]);
  });

  test("cannot be deleted", async () => {
    const { request } = makeApp();
    const error = await errorOf(await request("/v1/assistants/jan", { method: "DELETE" }));
    expect(error).toMatchObject({ status: 409, param: "assistant_id", code: "assistant_built_in" });
  });
});

describe("an assistant", () => {
  test("is made of the document's fields", async () => {
    const { post, request } = makeApp();
    const fields = {
      name: "Math Tutor",
      description: "Explains.",
      avatar: "https://example.org/pic.png",
      models: [{ model_id: "tiny" }, { model_id: "other" }],
      instructions: "Be concise",
      events: { in: ["a"], out: [] },
      metadata: { level: "1" },
    };
    const assistant = await json(await post("/v1/assistants", { ...fields, secret: 1 }));
    expect(assistant).toEqual({
      ...fields,
      id: expect.stringMatching(/^asst_[0-9a-hjkmnp-tv-z]{26}$/),
      object: "assistant",
      version: 1,
      created_at: NOW,
      model: "tiny",
      tools: [],
      temperature: null,
      top_p: null,
      response_format: null,
      reasoning_effort: null,
    });
    expect(await json(await request(`/v1/assistants/${assistant.id}`))).toEqual(assistant);
  });

  test("is made of OpenAI's fields, with null where nothing was said", async () => {
    const { post } = makeApp();
    const tools = [{ type: "function", function: { name: "add", parameters: { type: "object" } } }];
    const fields = { model: "tiny", tools, temperature: 0, top_p: 1, reasoning_effort: "low" };
    expect(await json(await post("/v1/assistants", fields, OPENAI))).toMatchObject({
      ...fields,
      ...{ models: [{ model_id: "tiny" }], name: null, description: null, instructions: null, tool_resources: {} },
    });
    expect(await json(await post("/v1/assistants", fields))).toMatchObject({ name: "", description: "", instructions: "" });
  });

  const SCHEMA = { name: "sum", description: "A sum.", schema: { type: "object", properties: {} }, strict: true };
  test.each(["auto", { type: "text" }, { type: "json_object" }, { type: "json_schema", json_schema: SCHEMA }])(
    "keeps the response_format %j",
    async (response_format) => {
      const { post, request } = makeApp();
      const made = await json(await post("/v1/assistants", { model: "tiny", response_format }));
      expect(made.response_format).toEqual(response_format);
      expect(await json(await request(`/v1/assistants/${made.id}`))).toMatchObject({ response_format, version: 1 });
      const changed = await json(await post(`/v1/assistants/${made.id}`, { response_format: null }, OPENAI));
      expect(changed).toMatchObject({ response_format: null, version: 2 });
      expect(await json(await post(`/v1/assistants/${made.id}`, { name: "x" }))).toMatchObject({ response_format: null });
    },
  );

  test.each([
    [{ response_format: "json" }, "response_format"],
    [{ response_format: { type: "xml" } }, "response_format.type"],
    [{ response_format: { type: "json_schema", json_schema: {} } }, "response_format.json_schema.name"],
    [{ reasoning_effort: "much" }, "reasoning_effort"],
    [{ avatar: "pic.png" }, "avatar"],
    [{ avatar: "👋" }, "avatar"],
    [{ events: [] }, "events"],
    [{ events: { in: [1] } }, "events.in[0]"],
    [{ events: { out: [null] } }, "events.out[0]"],
  ])("with %j is refused by the name %s", async (fields, param) => {
    const { post } = makeApp();
    expect(await errorOf(await post("/v1/assistants", { model: "tiny", ...fields }))).toMatchObject({ status: 400, param });
  });

  test("has a picture where it is given an empty one, and another where it is given that", async () => {
    const { post } = makeApp();
    const { id, avatar } = await json(await post("/v1/assistants", { avatar: "" }));
    expect(avatar).toStartWith("data:image/");
    const change = async (avatar: string | null) => (await json(await post(`/v1/assistants/${id}`, { avatar }))).avatar;
    expect(await change("https://example.org/a.png")).toBe("https://example.org/a.png");
    expect(await change("")).toBe(avatar);
  });

  for (const method of ["PATCH", "POST"]) {
    test(`${method} changes what it names; the version counts changes`, async () => {
      const { post } = makeApp();
      const { id } = await json(await post("/v1/assistants", { name: "A", model: "tiny", metadata: { a: "1" } }));
      const change = async (body: object) => json(await post(`/v1/assistants/${id}`, body, { method, ...OPENAI }));
      expect(await change({ name: "B" })).toMatchObject({ name: "B", model: "tiny", version: 2, metadata: { a: "1" } });
      expect(await change({})).toMatchObject({ name: "B", version: 2 });
      expect(await change({ name: "B" })).toMatchObject({ version: 2 });
      expect(await change({ name: null, temperature: 0, metadata: { b: "2" } })).toMatchObject({
        ...{ name: null, temperature: 0, version: 3, metadata: { a: "1", b: "2" } },
      });
      expect(await change({ model: "other" })).toMatchObject({ model: "other", models: [{ model_id: "other" }], version: 4 });
    });
  }

  test("is deleted once; a thread that names it stays", async () => {
    const { post, request } = makeApp();
    const { id } = await json(await post("/v1/assistants", { name: "A" }));
    const thread = await json(await post("/v1/threads", { assistants: [{ assistant_id: id }] }));
    const remove = () => request(`/v1/assistants/${id}`, { method: "DELETE" });
    expect(await json(await remove())).toEqual({ id, object: "assistant.deleted", deleted: true });
    expect(await errorOf(await remove())).toMatchObject({ status: 404, param: "assistant_id", code: "assistant_not_found" });
    expect(await json(await request(`/v1/threads/${thread.id}`))).toMatchObject({ assistants: [id] });
  });

  test.each(["nope", "..%2fx", "%00", "asst_01jd4rfm6w0h6ftx2qk4w8j3vz", "constructor"])("B-44: %s is a 404", async (id) => {
    const { request, post } = makeApp();
    for (const res of [
      await request(`/v1/assistants/${id}`),
      await post(`/v1/assistants/${id}`, {}),
      await request(`/v1/assistants/${id}`, { method: "DELETE" }),
    ]) {
      expect(await errorOf(res)).toMatchObject({ status: 404, param: "assistant_id", code: "assistant_not_found" });
    }
  });

  test("takes null for what is absent, and empty resources for none", async () => {
    const names = [
      "model",
      "models",
      "name",
      "description",
      "instructions",
      "avatar",
      "tools",
      "temperature",
      "top_p",
      "metadata",
    ];
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    const { post } = makeApp();
    const resources = { code_interpreter: { file_ids: [] }, file_search: {} };
    for (const events of [null, { in: null, out: null }]) {
      const res = await post("/v1/assistants", { ...nulls, events, tool_resources: resources });
      expect(await json(res)).toMatchObject({ name: "", models: [], tools: [], metadata: {}, events: { in: [], out: [] } });
    }
  });

  const REFUSED: [body: object, param: string, code: string][] = [
    [{ name: 5 }, "name", "invalid_type"],
    [{ name: "x".repeat(257) }, "name", "invalid_value"],
    [{ model: "" }, "model", "invalid_value"],
    [{ models: [{}] }, "models[0].model_id", "missing_required_parameter"],
    [{ temperature: 2.1 }, "temperature", "invalid_value"],
    [{ top_p: -0.1 }, "top_p", "invalid_value"],
    [{ tools: [{}] }, "tools[0].type", "missing_required_parameter"],
    [{ tools: Array.from({ length: 129 }, () => ({ type: "function" })) }, "tools", "too_many_items"],
    [{ metadata: [] }, "metadata", "invalid_type"],
    [{ events: 1 }, "events", "invalid_type"],
    [{ tool_resources: { file_search: { vector_store_ids: ["vs_1"] } } }, "tool_resources", "unsupported_parameter"],
  ];
  test.each(REFUSED)("%j is refused", async (body, param, code) => {
    const { post, store } = makeApp();
    expect(await errorOf(await post("/v1/assistants", body))).toMatchObject({ status: 400, param, code });
    expect(await store.assistants.ids()).toEqual([]);
  });
});

test("the list is an array to the document's clients and a list object to OpenAI's, the newest first", async () => {
  const { post, request } = makeApp();
  const ids: string[] = ["jan"];
  for (const name of ["A", "B", "C"]) ids.unshift((await json(await post("/v1/assistants", { name }))).id);
  expect((await json(await request("/v1/assistants"))).map(({ id }: any) => id)).toEqual(ids);
  expect(await json(await request("/v1/assistants", OPENAI))).toMatchObject({ object: "list", first_id: ids[0], last_id: "jan" });
  const page = async (query: string) => (await json(await request(`/v1/assistants?${query}`))).data.map(({ id }: any) => id);
  expect(await page("limit=2")).toEqual(ids.slice(0, 2));
  expect(await page(`limit=2&after=${ids[1]}`)).toEqual(ids.slice(2));
  expect(await page("order=asc&limit=2")).toEqual(["jan", ids[2]!]);
  expect(await page("before=jan&limit=1")).toEqual([ids[2]!]);
});
