// Walks the document: every operation of it answers, and every answer is what its schema says, at each moment of an entity's life.
import { describe, expect, test } from "bun:test";
import { catalog } from "../../models/catalog.ts";
import { HI, makeApp, makeModel } from "../support/app.ts";
import { faults, operations, type Schema, schemaOf } from "../support/document.ts";

const full = makeModel("org/full", {
  source_url: "https://example.org/full.gguf",
  settings: { ctx_len: 1024, prompt_template: "{prompt}" },
  parameters: {
    temperature: 0.5,
    top_p: 0.5,
    stream: false,
    max_tokens: 9,
    stop: [],
    frequency_penalty: 0,
    presence_penalty: 0,
  },
  metadata: { author: "Ada", tags: ["small"], size: 900, cover: "https://example.org/full.png" },
});

const ASSISTANT = { model: { id: "org/full", settings: { ctx_len: 64 }, parameters: { top_p: 1 } } };
const SAID = { role: "user", content: "How does AI work?" };

/** An application with one of everything, and how each operation is asked of it. */
async function house() {
  const { post, request } = makeApp({ models: [full, makeModel("bare")] });
  const made = async (path: string, body: object): Promise<string> =>
    ((await (await post(path, body)).json()) as { id: string }).id;
  const assistant = await made("/v1/assistants", {
    name: "Math Tutor",
    models: [{ model_id: "org/full" }],
    events: { in: ["a"] },
  });
  const thread = await made("/v1/threads", {
    title: "T",
    assistants: [{ ...ASSISTANT, assistant_id: assistant }],
    messages: [SAID],
  });
  const message = await made(`/v1/threads/${thread}/messages`, SAID);
  const ids: Record<string, string> = { model_id: "org/full", thread_id: thread, message_id: message, assistant_id: assistant };
  const bodies: Record<string, object> = {
    "POST /chat/completions": { model: "org/full", messages: HI },
    "POST /threads": { title: "new", assistants: [ASSISTANT], metadata: { a: "b" } },
    "PATCH /threads/{thread_id}": { title: "changed" },
    "POST /threads/{thread_id}/messages": SAID,
  };
  const ask = async (name: string): Promise<Response> => {
    const [method = "", path = ""] = name.split(" ");
    const url = `/v1${path.replaceAll(/\{(\w+)\}/g, (_, id) => encodeURIComponent(ids[id]!))}`;
    return bodies[name] === undefined ? request(url, { method }) : post(url, bodies[name], { method });
  };
  return { ask, ids };
}

describe("the document", () => {
  test("has fifteen operations", () => expect(operations).toHaveLength(15));

  for (const [name, operation] of operations) {
    test(`${name} answers with every field of its schema, each of its type`, async () => {
      const { ask } = await house();
      const res = await ask(name);
      expect(res.status).toBe(200);
      expect(res.headers.get("content-type")).toStartWith("application/json");
      const answer: any = await res.json();
      // What says little of itself lacks what only some have: jan has no models, the bare model no author.
      if (name === "GET /models") answer.data = answer.data.filter(({ id }: { id: string }) => id === "org/full");
      const whole = name === "GET /assistants" ? answer.filter(({ id }: { id: string }) => id !== "jan") : answer;
      expect(faults(schemaOf(operation), whole, { whole: true })).toEqual([]);
      expect(faults(schemaOf(operation), answer)).toEqual([]);
    });
  }

  test("needs no path that would make every request take Hono's slow router", async () => {
    const { app, request } = makeApp();
    await request("/health");
    expect(app.router.name).toBe("SmartRouter + RegExpRouter");
  });

  test("holds at each moment of a life: created, listed, read, changed, listed again, deleted", async () => {
    const { ask, ids } = await house();
    const good = async (name: string): Promise<any> => {
      const res = await ask(name);
      const answer = await res.json();
      const operation = operations.find(([each]) => each === name)![1];
      expect({ name, status: res.status, faults: faults(schemaOf(operation), answer) }).toEqual({
        name,
        status: 200,
        faults: [],
      });
      return answer;
    };
    ids.thread_id = (await good("POST /threads")).id;
    for (const name of ["GET /threads", "GET /threads/{thread_id}"]) await good(name);
    ids.message_id = (await good("POST /threads/{thread_id}/messages")).id;
    for (const name of ["GET /threads/{thread_id}/messages", "GET /threads/{thread_id}/messages/{message_id}"]) await good(name);
    expect(await good("PATCH /threads/{thread_id}")).toMatchObject({ title: "changed" });
    expect(await good("GET /threads")).toMatchObject([{ title: "changed" }, {}]);
    expect((await good("GET /threads/{thread_id}")).messages).toEqual([ids.message_id]);
    await good("DELETE /threads/{thread_id}");
    expect(await good("GET /threads")).toHaveLength(1);
    for (const model_id of ["org/full", "bare"]) {
      ids.model_id = model_id;
      for (const name of ["GET /models/{model_id}", "GET /models", "DELETE /models/{model_id}"]) await good(name);
    }
    expect((await good("GET /models")).data).toEqual([]);
    for (const assistant_id of ["jan", ids.assistant_id!]) {
      ids.assistant_id = assistant_id;
      await good("GET /assistants/{assistant_id}");
    }
  });

  const WITHOUT_PATHS: [request: string, schema: string][] = [
    ["POST /assistants", "CreateAssistantResponse"],
    ["PATCH /assistants/{assistant_id}", "ModifyAssistantResponse"],
    ["POST /assistants/{assistant_id}", "ModifyAssistantResponse"],
    ["DELETE /assistants/{assistant_id}", "DeleteAssistantResponse"],
  ];
  test.each(WITHOUT_PATHS)("%s answers as %s, which has no path there", async (name, schema) => {
    const { post, request } = makeApp();
    const fields = { name: "Tutor", models: [{ model_id: "tiny" }], events: { in: ["a"], out: ["b"] } };
    const { id } = (await (await post("/v1/assistants", fields)).json()) as { id: string };
    const [method = "", path = ""] = name.split(" ");
    const url = `/v1${path.replace("{assistant_id}", id)}`;
    const res = method === "DELETE" ? await request(url, { method }) : await post(url, { ...fields, name: "Other" }, { method });
    expect(faults({ $ref: `#/components/schemas/${schema}` }, await res.json(), { whole: true })).toEqual([]);
  });
});

test("a cover that is no URI is not answered", async () => {
  const { request } = makeApp({ models: [makeModel("tiny", { metadata: { cover: "cover.png" } })] });
  const { metadata }: any = await (await request("/v1/models/tiny")).json();
  expect(metadata.cover).toStartWith("data:image/svg+xml,");
});

describe("every model of the catalogue", () => {
  const MODEL = { $ref: "#/components/schemas/Model" };
  const GOT = { $ref: "#/components/schemas/GetModelResponse" };
  // A model for embeddings or for ranking gets texts as they are: there is no prompt to describe.
  const NO_PROMPT = "/settings must have required property 'prompt_template'";
  const isAsked = async (id: string) => (await catalog()).some((model) => model.id === id && model.template_prompt !== undefined);

  test("has every field of the document's model, in the list and alone", async () => {
    const { request } = makeApp();
    const { data } = (await (await request("/v1/models?catalog=true")).json()) as { data: { id: string }[] };
    const shipped = data.filter(({ id }) => id !== "tiny");
    expect(shipped).toHaveLength((await catalog()).length);
    for (const model of shipped) {
      const alone: any = await (await request(`/v1/models/${model.id}?catalog=true`)).json();
      const found = [...faults(MODEL, model, { whole: true }), ...faults(GOT, alone, { whole: true })];
      const lacking = (await isAsked(model.id)) ? [] : [NO_PROMPT, NO_PROMPT];
      expect({ id: model.id, found }).toEqual({ id: model.id, found: lacking });
      expect(alone).toMatchObject({ settings: { ctx_len: alone.context_length } });
    }
  });

  test("has them when it is installed, by a record of an older release too", async () => {
    for (const listed of await catalog()) {
      const { template_prompt: _, ...old } = listed;
      const { request } = makeApp({ models: [{ ...old, created: 1, files: [{ name: "a.gguf", size: 1, sources: [] }] }] });
      const installed: any = await (await request(`/v1/models/${listed.id}`)).json();
      const lacking = (await isAsked(listed.id)) ? [] : [NO_PROMPT];
      expect([listed.id, faults(GOT, installed, { whole: true })]).toEqual([listed.id, lacking]);
      expect(installed.settings.prompt_template).toBe(listed.template_prompt);
    }
  });
});

describe("the checker", () => {
  const schema: Schema = {
    type: "object",
    required: ["id"],
    properties: { id: { type: "string" }, at: { type: "integer", format: "int64" }, pic: { type: "string", format: "uri" } },
  };
  test.each([
    [{ id: "x" }, false, []],
    [{ id: "x", more: 1, at: 1, pic: "https://example.org/x" }, true, []],
    [{}, false, [" must have required property 'id'"]],
    [{ id: "x" }, true, [" must have required property 'at'", " must have required property 'pic'"]],
    [{ id: null }, false, ["/id must be string"]],
    [{ id: "x", at: 1.5 }, false, ["/at must be integer", '/at must match format "int64"']],
    [{ id: "x", pic: "" }, false, ['/pic must match format "uri"']],
  ])("finds in %j, whole %p: %j", (value, whole, expected) => {
    expect(faults(schema, value, { whole })).toEqual(expected);
  });
});
