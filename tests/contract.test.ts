// Walks the document: every operation of it either answers as its schema says, or stands in the list of those not built yet.
import { describe, expect, test } from "bun:test";
import contract from "./fixtures/jan-contract.json" with { type: "json" };
import { HI, makeApp, makeModel } from "./support/app.ts";

/** The part of JSON Schema that the document uses. */
interface Schema {
  $ref?: string;
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean;
  items?: Schema;
  enum?: unknown[];
  nullable?: boolean;
}

interface Operation {
  requestBody?: { required?: boolean };
  responses: { "200": { content: { "application/json": { schema: Schema } } } };
}

const operations = Object.entries(contract.paths as unknown as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
);

/** This list must shrink to nothing: who builds one of these takes it out, and gives it an example below. */
const NOT_YET = [
  "GET /models/download/{model_id}",
  "DELETE /models/{model_id}",
  "POST /threads",
  "GET /threads",
  "GET /threads/{thread_id}",
  "PATCH /threads/{thread_id}",
  "DELETE /threads/{thread_id}",
  "GET /assistants",
  "GET /assistants/{assistant_id}",
  "GET /threads/{thread_id}/messages",
  "POST /threads/{thread_id}/messages",
  "GET /threads/{thread_id}/messages/{message_id}",
];

/** A body for each operation that is built and takes one. */
const BODIES: Record<string, object> = {
  "POST /chat/completions": { model: "org/full", messages: HI },
};

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

/** The operation as a request: parameters in the path become ids that are there where the operation is built. */
async function ask(name: string, models = [full, makeModel("bare")], id = "org/full"): Promise<Response> {
  const [method = "", path = ""] = name.split(" ");
  const { request, post } = makeApp({ models });
  const url = `/v1${path.replaceAll(/\{\w+\}/g, encodeURIComponent(id))}`;
  const body = BODIES[name] ?? {};
  return method === "GET" || method === "DELETE" ? request(url, { method }) : post(url, body, { method });
}

describe("the document", () => {
  test("has the operations that this test knows", () => {
    expect(operations).toHaveLength(15);
    const names: string[] = operations.map(([name]) => name);
    for (const name of [...NOT_YET, ...Object.keys(BODIES)]) expect(names).toContain(name);
  });

  for (const [name, operation] of operations) {
    if (NOT_YET.includes(name)) {
      test(`${name} is not built yet`, async () => {
        const res = await ask(name);
        const { error } = (await res.json()) as { error: { code: string } };
        expect<string[]>(["404 unknown_url", "404 model_not_found", "405 method_not_allowed"]).toContain(
          `${res.status} ${error.code}`,
        );
        expect(Object.keys(error).toSorted()).toEqual(["code", "message", "param", "type"]);
      });
      continue;
    }
    test(`${name} answers with every field of its schema`, async () => {
      const res = await ask(name);
      expect(res.status).toBe(200);
      expect(res.headers.get("content-type")).toStartWith("application/json");
      const answer: any = await res.json();
      // The bare model of the list lacks what only some models have.
      if (name === "GET /models") answer.data = answer.data.filter(({ id }: { id: string }) => id === "org/full");
      expect(faults(schemaOf(operation), answer, { whole: true })).toEqual([]);
    });
  }

  test("a model that says little of itself breaks no type either", async () => {
    for (const name of ["GET /models", "GET /models/{model_id}"]) {
      const operation = operations.find(([each]) => each === name)![1];
      const answer = await (await ask(name, [makeModel("bare")], "bare")).json();
      expect(faults(schemaOf(operation), answer, { whole: false })).toEqual([]);
    }
  });
});

describe("the checker", () => {
  const schema: Schema = {
    type: "object",
    required: ["id"],
    properties: {
      id: { type: "string" },
      count: { type: "integer" },
      kind: { type: "string", enum: ["a", "b"] },
      reason: { type: "string", nullable: true },
      list: { type: "array", items: { $ref: "#/components/schemas/DeleteModelResponse" } },
      strict: { type: "object", properties: { x: {} }, additionalProperties: false },
    },
  };
  test.each([
    [{ id: "x" }, false, []],
    [{ id: "x", more: 1, reason: null, strict: { x: null } }, false, []],
    [{}, false, ["$.id is missing"]],
    [
      { id: "x" },
      true,
      ["$.count is missing", "$.kind is missing", "$.reason is missing", "$.list is missing", "$.strict is missing"],
    ],
    [{ id: 5 }, false, ["$.id is 5, not a string"]],
    [{ id: null }, false, ["$.id is null, not a string"]],
    [{ id: "x", count: 1.5 }, false, ["$.count is 1.5, not a integer"]],
    [{ id: "x", kind: "c" }, false, ['$.kind is "c", none of ["a","b"]']],
    [{ id: "x", list: [{ deleted: true }, { deleted: "yes" }] }, false, ['$.list[1].deleted is "yes", not a boolean']],
    [{ id: "x", list: {} }, false, ["$.list is {}, not a array"]],
    [{ id: "x", strict: { y: 1 } }, false, ["$.strict.y is none of its fields"]],
    [[], false, ["$ is [], not a object"]],
  ])("finds in %j, whole %p: %j", (value, whole, expected) => {
    expect(faults(schema, value, { whole })).toEqual(expected);
  });
});

function schemaOf(operation: Operation): Schema {
  return operation.responses["200"].content["application/json"].schema;
}

/** What is wrong with a value, by path. `whole`: every field of the schema must be there, not the required ones alone. */
function faults(schema: Schema, value: unknown, options: { whole: boolean }, path = "$"): string[] {
  if (schema.$ref !== undefined) return faults(resolved(schema.$ref), value, options, path);
  if (value === null && schema.nullable) return [];
  if (!isOf(schema.type, value)) return [`${path} is ${JSON.stringify(value)}, not a ${schema.type}`];
  if (schema.enum && !schema.enum.includes(value))
    return [`${path} is ${JSON.stringify(value)}, none of ${JSON.stringify(schema.enum)}`];
  if (Array.isArray(value)) return value.flatMap((item, i) => faults(schema.items ?? {}, item, options, `${path}[${i}]`));
  if (typeof value !== "object" || value === null) return [];
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const fields = Object.entries(properties).flatMap(([name, inner]) => {
    if (Object.hasOwn(value, name)) return faults(inner, value[name as never], options, `${path}.${name}`);
    return options.whole || required.includes(name) ? [`${path}.${name} is missing`] : [];
  });
  const extra = additionalProperties ? [] : Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
  return [...fields, ...extra.map((name) => `${path}.${name} is none of its fields`)];
}

function resolved(ref: string): Schema {
  const found = (contract.components.schemas as unknown as Record<string, Schema>)[ref.replace("#/components/schemas/", "")];
  if (found === undefined) throw new Error(`The document has no ${ref}.`);
  return found;
}

function isOf(type: string | undefined, value: unknown): boolean {
  if (type === undefined) return true;
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
