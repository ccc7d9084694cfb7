// Arrays where a request has to have an object: refused by their field, however deep they stand.
import { expect, test } from "bun:test";
import * as v from "valibot";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { echo } from "../../adapters/echo.ts";
import { CAPABILITIES } from "../../adapters/adapter.ts";
import { OPERATIONS } from "../../src/api/reference/operations.ts";
import { readSentTexts } from "../../src/api/generation/sent-texts.ts";
import { errorOf, HI, makeApp, makeModel } from "../support/app.ts";
import { fakeAdapter } from "../support/fake-adapter.ts";

const ROOT = join(import.meta.dir, "../../src/api");

test("no schema of a request takes an array for an object", () => {
  // What answers hold is described, and never parsed.
  const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((file) => /^(?!.*reference).*\.ts$/.test(file));
  const own = files.filter((file) => /\bv\.(\w*[oO]bject\w*|record|variant)\(/.test(readFileSync(join(ROOT, file), "utf8")));
  // What valibot's own functions make would: `object` and its like are those of this file.
  expect(own).toEqual([]);
});

const called = (inner: object) => ({ messages: [{ role: "assistant", tool_calls: [{ id: "a", function: inner }] }] });
const format = (inner: unknown) => ({ response_format: { type: "json_schema", json_schema: inner } });

test.each<[body: object, param: string]>([
  [{ tools: [[]] }, "tools[0]"],
  [{ tools: [{ type: "function", function: [] }] }, "tools[0].function"],
  [{ tools: [{ type: "function", function: { name: "f", parameters: [] } }] }, "tools[0].function.parameters"],
  [{ functions: [{ name: "f", parameters: [] }] }, "functions[0].parameters"],
  [{ tool_choice: [] }, "tool_choice"],
  [{ tool_choice: { type: "function", function: [] } }, "tool_choice.function"],
  [{ response_format: [] }, "response_format"],
  [format([]), "response_format.json_schema"],
  [format({ name: "a", schema: [] }), "response_format.json_schema.schema"],
  [{ response_format: { type: "json_schema", schema: [] } }, "response_format.schema"],
  [{ json_schema: [] }, "json_schema"],
  [{ guided_json: [] }, "guided_json"],
  [{ format: [] }, "format"],
  [{ structured_outputs: [] }, "structured_outputs"],
  [{ structured_outputs: { json: [5] } }, "structured_outputs.json"],
  [{ chat_template_kwargs: [] }, "chat_template_kwargs"],
  [{ thinking: [] }, "thinking"],
  [{ reasoning: [] }, "reasoning"],
  [{ stream_options: [] }, "stream_options"],
  [{ messages: [[]] }, "messages[0]"],
  [{ messages: [{ role: "user", content: [{ type: "image_url", image_url: [] }] }] }, "messages[0].content[0].image_url"],
  [called([]), "messages[0].tool_calls[0].function"],
  [called({ name: "f", arguments: [] }), "messages[0].tool_calls[0].function.arguments"],
])("a chat with %j names %s", async (body, param) => {
  const { adapter } = fakeAdapter({ answer: ["x"], capabilities: [...CAPABILITIES] });
  const error = await errorOf(await makeApp({ adapter }).chat(body));
  expect(error).toMatchObject({ status: 400, code: "invalid_type", param });
  expect(error.message).toMatch(/^"[^"]+" (is an array\. It )?must be /);
});

test.each<[path: string, body: object, param: string]>([
  ["threads", { metadata: [] }, "metadata"],
  ["threads", { tool_resources: [] }, "tool_resources"],
  ["threads", { assistants: [[]] }, "assistants[0]"],
  ["threads", { assistants: [{ model: [] }] }, "assistants[0].model"],
  ["threads", { assistants: [{ model: { settings: [] } }] }, "assistants[0].model.settings"],
  ["threads", { messages: [[]] }, "messages[0]"],
  ["threads", { messages: [{ role: "user", content: [[]] }] }, "messages[0].content[0]"],
  ["assistants", { metadata: [] }, "metadata"],
  ["assistants", { tool_resources: [] }, "tool_resources"],
  ["assistants", { tools: [[]] }, "tools[0]"],
  ["assistants", { models: [[]] }, "models[0]"],
  ["assistants", { events: [] }, "events"],
  ["assistants", { response_format: [] }, "response_format"],
  ["assistants", { response_format: { type: "json_schema", json_schema: [] } }, "response_format.json_schema"],
  [
    "assistants",
    { response_format: { type: "json_schema", json_schema: { name: "a", schema: [] } } },
    "response_format.json_schema.schema",
  ],
  ["models", [], ""],
])("POST /v1/%s with %j names %s", async (path, body, param) => {
  const error = await errorOf(await makeApp().post(`/v1/${path}`, body));
  expect(error).toMatchObject({ status: 400, code: "invalid_type", param: param || null });
  expect(error.message).toContain(" is an array. It must be ");
});

interface Shape extends v.GenericSchema {
  wrapped?: Shape;
  item?: Shape;
  options?: readonly (Shape | string)[];
  entries?: Record<string, Shape>;
}

/** Fields that take a value of several types, or objects of several kinds, each with its path. */
function* fieldsOfSeveralForms(schema: Shape, path: string): Generator<[path: string, form: Shape]> {
  const { wrapped, item, entries = {} } = schema;
  const options = (schema.options ?? []).filter((option) => typeof option === "object");
  if (schema.type === "variant") yield [path, schema];
  else for (const option of options) if (/^(array|object|loose_object|record)$/.test(option.type)) yield [path, option];
  for (const option of [...options, ...(wrapped ? [wrapped] : [])]) yield* fieldsOfSeveralForms(option, path);
  if (item) yield* fieldsOfSeveralForms(item, `${path}[]`);
  for (const [name, entry] of Object.entries(entries)) yield* fieldsOfSeveralForms(entry, `${path}.${name}`);
}

const forms = OPERATIONS.flatMap(({ id, body }) => [...(body ? fieldsOfSeveralForms(body.schema, id) : [])]);
/** The reference describes these, and code of their own reads them: the next test has them. */
const READ_OTHERWISE = /\.prompt$|\.(query|documents\[\])$|^create(Embeddings|Decision)\.input(\[\])?$/;

test.each(forms.filter(([path]) => !READ_OTHERWISE.test(path)))("an error of %s shows what it takes", (_, form) => {
  const [, example = "null"] = / such as (.+)$/.exec(form.expects) ?? [];
  expect(v.safeParse(form, JSON.parse(example)).issues ?? []).toEqual([]);
});

const TOOLS = [{ type: "function", function: { name: "get_weather" } }];
const QUESTIONS = [{ type: "predicate", instructions: "Is this a complaint?" }];

test.each<[path: string, param: string, bodyWith: (value: unknown) => object]>([
  ["chat/completions", "tool_choice", (tool_choice) => ({ messages: HI, tools: TOOLS, tool_choice })],
  ["chat/completions", "function_call", (function_call) => ({ messages: HI, functions: [TOOLS[0]!.function], function_call })],
  ["chat/completions", "response_format", (response_format) => ({ messages: HI, response_format })],
  ["chat/completions", "logit_bias", (logit_bias) => ({ messages: HI, logit_bias })],
  ["chat/completions", "stop", (stop) => ({ messages: HI, stop })],
  ["chat/completions", "messages[0].content", (content) => ({ messages: [{ role: "user", content }] })],
  ["chat/completions", "messages[0].content[0]", (part) => ({ messages: [{ role: "user", content: [part] }] })],
  ["completions", "response_format", (response_format) => ({ prompt: "Hello", response_format })],
  ["rerank", "query", (query) => ({ query, documents: ["Hello"] })],
  ["rerank", "documents[0]", (document) => ({ query: "Hello", documents: [document] })],
  ["decisions", "input", (input) => ({ input, questions: QUESTIONS })],
  ["decisions", "input[0]", (item) => ({ input: [item], questions: QUESTIONS })],
  ["decisions", "questions[0]", (question) => ({ input: "Hello", questions: [question] })],
  ["assistants", "response_format", (response_format) => ({ response_format })],
])("POST /v1/%s takes what its error of %s shows", async (path, param, bodyWith) => {
  const models = [makeModel("tiny", path === "rerank" ? { pooling: "rank", causal: false } : {})];
  const { post } = makeApp({ models, adapter: { ...echo(), capabilities: () => CAPABILITIES } });
  const { message, ...refused } = await errorOf(await post(`/v1/${path}`, bodyWith(5)));
  expect(refused).toMatchObject({ status: 400, code: "invalid_type", param });
  const examples = examplesIn(message);
  expect(examples).not.toEqual([]);
  for (const example of examples) {
    const answer = await post(`/v1/${path}`, bodyWith(example));
    expect([await answer.json(), answer.status]).toMatchObject([{}, 200]);
  }
});

test("a prompt may be what its error shows", () => {
  const read = (prompt: unknown) => readSentTexts(prompt, { field: "prompt", most: 2 });
  const examples = ["Hello", [42], ["Hello", [42]]];
  for (const example of examples) {
    expect(read(example)).not.toEqual([]);
    expect(() => read(5)).toThrow(` such as ${JSON.stringify(example)}`);
  }
});

/** The values that stand behind "such as" in a sentence. */
function examplesIn(message: string): unknown[] {
  return [...message.matchAll(/ such as (.+?)(?=,? or an|, an|\.$)/g)].map(([, example]) => JSON.parse(example!));
}
