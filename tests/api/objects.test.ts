// Arrays where a request has to have an object: refused by their field, however deep they stand.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CAPABILITIES } from "../../adapters/adapter.ts";
import { errorOf, makeApp } from "../support/app.ts";
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
