// The reference of the API: it is OpenAPI, has every route and no other, and every field of Jan's document; and answers are as it says.
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "bun:test";
import contract from "../fixtures/jan-contract.json" with { type: "json" };
import { MENDED_BY_WAITING } from "../../src/http/retries.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { formsOf, reference, referenceFaults, referenceOperations, unnamedFields } from "../support/reference.ts";

type Json = Record<string, any>;

const contentOf = ({ responses }: Json, type = "application/json"): Json | undefined => responses["200"].content?.[type];

describe("the reference", () => {
  test("is OpenAPI 3.1, as a validator reads it", async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(reference));
    expect([valid, errors]).toEqual([true, undefined]);
  });

  test("has an id for each operation", () => {
    const ids = referenceOperations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("misses no route", () => {
    const { app } = makeApp({
      guards: { operator_key: "operator-key-0123" },
      importFolder: async () => ({}),
      sealKey: async () => "",
    });
    const known = referenceOperations.map(({ name }) => name);
    const missing = app.routes
      .filter(({ method }) => /^(GET|POST|PUT|PATCH|DELETE)$/.test(method))
      .map(({ method, path }) => `${method} ${path.replace(/(.)\/$/, "$1")}`)
      .filter((route) => !known.some((name) => matches(route, name)));
    expect([...new Set(missing)]).toEqual(["GET /docs/openapi-explorer.js"]);
  });

  test.each(referenceOperations)("$name is no invention", async ({ method, path }) => {
    const { request } = makeApp({
      guards: { operator_key: "operator-key-0123" },
      importFolder: async () => ({}),
      sealKey: async () => "",
    });
    const res = await request(path.replaceAll(/\{\w+\}/g, "x"), { method, ...(method !== "GET" && { body: "{}" }) });
    expect([404, 405].includes(res.status) ? ((await res.json()) as Json).error.code : "").not.toMatch(
      /unknown_url|method_not_allowed/,
    );
  });

  test("names errors that exist, and says of each status the codes", () => {
    const named = referenceOperations.flatMap(({ operation }) =>
      Object.entries(operation.responses as Json).flatMap(([status, { description }]) =>
        status === "200" ? [] : [...description.matchAll(/`(\w+)`/g)].map(([, code]) => `${status} ${code}`),
      ),
    );
    const late = named.filter((error) => /^(408|409|429|5)/.test(error));
    expect([...new Set(late)].filter((error) => !(error in MENDED_BY_WAITING))).toEqual([]);
  });
});

describe("the examples", () => {
  const examples = referenceOperations.flatMap(({ name, operation }) => {
    const { schema, examples = {} } = operation.requestBody?.content["application/json"] ?? {};
    return Object.entries(examples as Json).map(([example, { value }]) => ({ name, example, schema, value }));
  });
  test.each(examples)("$name: $example is as its schema says", ({ schema, value }) => {
    expect(referenceFaults(schema, value)).toEqual([]);
    expect(unnamedFields(schema, value)).toEqual([]);
  });

  const answers = referenceOperations.flatMap(({ name, operation }) => {
    const { schema, example } = contentOf(operation) ?? {};
    return example === undefined ? [] : [{ name, schema, example }];
  });
  test.each(answers)("$name: the answer is as its schema says", ({ schema, example }) => {
    expect(referenceFaults(schema, example)).toEqual([]);
    expect(unnamedFields(schema, example)).toEqual([]);
  });

  const streams = referenceOperations.flatMap(({ name, operation }) => {
    const { schema, example } = contentOf(operation, "text/event-stream") ?? {};
    return example === undefined
      ? []
      : [{ name, schema: schema.properties.data.anyOf[0].contentSchema, example: example as string }];
  });
  test.each(streams)("$name: the events are as their schema says", ({ schema, example }) => {
    const events = example.split("\n\n").filter((frame) => frame !== "" && frame !== "data: [DONE]");
    for (const event of events)
      expect(referenceFaults(schema, JSON.parse(event.replace(/^event: .*\n/, "").replace("data: ", "")))).toEqual([]);
    expect(events.length).toBeGreaterThan(0);
  });
});

describe("what is answered", () => {
  const full = makeModel("org/full", {
    source_url: "https://example.org/full.gguf",
    metadata: { author: "Ada" },
    license: "mit",
  });

  async function expectAsSaid(name: string, res: Response): Promise<any> {
    const { operation } = referenceOperations.find((each) => each.name === name)!;
    const answer = await res.json();
    const schema =
      res.status === 200 ? contentOf(operation)!.schema : operation.responses[res.status].content["application/json"].schema;
    expect({ name, faults: referenceFaults(schema, answer), unnamed: unnamedFields(schema, answer) }).toEqual({
      name,
      faults: [],
      unnamed: [],
    });
    return answer;
  }

  test.each([{}, { "openai-beta": "assistants=v2" }])(
    "has the fields that are named, each of its type, with the headers %j",
    async (headers) => {
      const { request, post } = makeApp({ models: [full, makeModel("bare")] });
      const get = (path: string) => request(path, { headers: headers as Record<string, string> });
      const send = (path: string, body: object, method = "POST") =>
        post(path, body, { method, headers: headers as Record<string, string> });
      const assistant = await expectAsSaid(
        "POST /v1/assistants",
        await send("/v1/assistants", { name: "Tutor", model: "bare", tools: [{ type: "function" }] }),
      );
      for (const path of ["/v1/assistants", "/v1/assistants?limit=1"]) await expectAsSaid("GET /v1/assistants", await get(path));
      await expectAsSaid("GET /v1/assistants/{assistant_id}", await get("/v1/assistants/jan"));
      const body = { title: "T", assistants: [{ assistant_id: assistant.id, model: { id: "bare" } }], metadata: { a: "b" } };
      const { id } = await expectAsSaid("POST /v1/threads", await send("/v1/threads", body));
      for (const path of ["/v1/threads", "/v1/threads?limit=1"]) await expectAsSaid("GET /v1/threads", await get(path));
      const messages = `/v1/threads/${id}/messages`;
      const said = await expectAsSaid(
        "POST /v1/threads/{thread_id}/messages",
        await send(messages, { role: "assistant", content: "hi", file_ids: ["f"] }),
      );
      await expectAsSaid("GET /v1/threads/{thread_id}/messages", await get(messages));
      await expectAsSaid("GET /v1/threads/{thread_id}/messages/{message_id}", await get(`${messages}/${said.id}`));
      await expectAsSaid("GET /v1/threads/{thread_id}/messages/{message_id}/files", await get(`${messages}/${said.id}/files`));
      await expectAsSaid("GET /v1/threads/{thread_id}", await get(`/v1/threads/${id}`));
      await expectAsSaid("PATCH /v1/threads/{thread_id}", await send(`/v1/threads/${id}`, { title: "U" }, "PATCH"));
      for (const path of ["/v1/models", "/v1/models?catalog=true"]) await expectAsSaid("GET /v1/models", await get(path));
      for (const path of ["/v1/models/org/full", "/v1/models/bare"])
        await expectAsSaid("GET /v1/models/{model_id}", await get(path));
      await expectAsSaid(
        "POST /v1/chat/completions",
        await send("/v1/chat/completions", { model: "bare", messages: [{ role: "user", content: "hi" }] }),
      );
      await expectAsSaid("GET /v1/ps", await get("/v1/ps"));
      for (const path of ["/", "/v1", "/health"]) await expectAsSaid(`GET ${path}`, await get(path));
      await expectAsSaid("DELETE /v1/threads/{thread_id}", await request(`/v1/threads/${id}`, { method: "DELETE" }));
      await expectAsSaid("GET /v1/threads/{thread_id}", await get(`/v1/threads/${id}`));
    },
  );

  test("has chunks as they are named", async () => {
    const { chat } = makeApp();
    const text = await (await chat({ stream: true, stream_options: { include_usage: true } })).text();
    const schema = { $ref: "#/components/schemas/ChatCompletionChunk" };
    const chunks = text.split("\n\n").filter((frame) => frame.startsWith("data: {"));
    for (const chunk of chunks.map((frame) => JSON.parse(frame.slice(6))))
      expect([...referenceFaults(schema, chunk), ...unnamedFields(schema, chunk)]).toEqual([]);
    expect(chunks.length).toBeGreaterThan(2);
  });
});

describe("Jan's document", () => {
  const theirs = Object.entries(contract.paths as Json).flatMap(([path, methods]) =>
    Object.entries(methods as Json).map(([method, operation]) => ({
      name: `${method.toUpperCase()} /v1${path}`,
      operation: operation as Json,
    })),
  );

  test.each(theirs)("$name is in the reference, with each field, type and value of a list", ({ name, operation }) => {
    const ours = referenceOperations.find((each) => each.name === name)!.operation;
    const answer = operation.responses["200"].content["application/json"].schema;
    expect(lacking(answer, [contentOf(ours)!.schema])).toEqual([]);
    const body = operation.requestBody?.content["application/json"].schema;
    // Its change of a thread has a list of messages as the title, which is a mistake of it.
    if (body !== undefined && name !== "PATCH /v1/threads/{thread_id}")
      expect(lacking(body, [ours.requestBody.content["application/json"].schema])).toEqual([]);
    const parameters = ((operation.parameters ?? []) as Json[]).map((parameter) => parameter.name);
    expect(((ours.parameters ?? []) as Json[]).map((parameter) => parameter.name)).toEqual(expect.arrayContaining(parameters));
  });

  /** What one of our schemas has not of theirs, by its path. */
  function lacking(theirs: Json, ours: Json[], path = ""): string[] {
    const { $ref, type, properties = {}, items, enum: values }: Json = theirs;
    if ($ref !== undefined) return lacking((contract.components.schemas as Json)[$ref.split("/").at(-1)], ours, path);
    const forms = ours.flatMap(formsOf);
    const free = forms.some((form) => Object.keys(form).every((key) => key === "description"));
    if (free) return [];
    const lists = forms.flatMap((form) => form.enum ?? (form.const === undefined ? [] : [form.const]));
    return [
      ...(type === undefined || forms.some((form) => hasType(form, type)) ? [] : [`${path} is no ${type}`]),
      ...((values ?? []) as unknown[]).filter((value) => !lists.includes(value)).map((value) => `${path} is never ${value}`),
      ...Object.entries(properties as Json).flatMap(([name, schema]) => {
        const fields = forms.flatMap((form) => form.properties?.[name] ?? []);
        // An object of which nothing is said may have it.
        if (fields.length === 0)
          return forms.some((form) => hasType(form, "object") && form.properties === undefined)
            ? []
            : [`${path}.${name} is missing`];
        return lacking(schema, fields, `${path}.${name}`);
      }),
      ...(items === undefined
        ? []
        : lacking(
            items,
            forms.flatMap((form) => form.items ?? []),
            `${path}[]`,
          )),
    ];
  }

  function hasType(form: Json, type: string): boolean {
    const own = [form.type ?? (form.const === undefined ? [] : typeof form.const)].flat();
    return own.includes(type) || (type === "number" && own.includes("integer"));
  }
});

/** Whether `GET /v1/models/*` is what `GET /v1/models/{model_id}` describes. */
function matches(route: string, name: string): boolean {
  const pattern = route.replace(/[.]/g, "\\.").replace(/:\w+/g, "[^/]+").replace("*", ".+");
  return new RegExp(`^${pattern}$`).test(name);
}
