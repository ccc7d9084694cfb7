// What is wrong with tools, schemas, grammars, biases and histories, on the two native engines behind the whole API: a 400 with the field and
// the reason, and the next request works.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Capability } from "../../adapters/adapter.ts";
import { templateFacts } from "../../models/gguf/template-facts.ts";
import { errorOf, HI, makeApp, makeModel } from "../support/app.ts";
import { tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { startPrompts } from "../support/prompts.ts";

const TEMPLATE =
  "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}" +
  "{% if m.content == 'refused' %}{{ raise_exception('No such result here') }}{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}" +
  "{% for c in m.tool_calls or [] %}<tool_call>{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}</tool_call>" +
  "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const prompts = startPrompts();
afterAll(() => prompts.close());
const ENGINES = await nativeEngines(prompts);

const tool = (parameters: object, strict?: boolean) => ({
  tools: [{ type: "function", function: { name: "look", parameters, ...(strict && { strict }) } }],
});
const format = (schema: object, strict?: boolean) => ({
  response_format: { type: "json_schema", json_schema: { name: "answer", schema, ...(strict && { strict }) } },
});
const result = (content: string) => ({ messages: [...HI, { role: "tool", tool_call_id: "call_1", content }] });

const [SCHEMA, PARAMETERS] = ["response_format.json_schema.schema", "tools[0].function.parameters"];
const CYCLE = { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } };

/** Schemas that no engine can hold, whether their request insists on all of them or not, and what the reason names. */
const IMPOSSIBLE: [schema: object, names: string][] = [
  [{ $ref: "#/$defs/nowhere" }, "$ref"],
  [{ $ref: "https://example.com/schema.json" }, "$ref"],
  [CYCLE, "$ref"],
  [{ type: "integer", minimum: 5, maximum: 4 }, "maximum"],
  [{ type: "string", minLength: 3, maxLength: 2 }, "Length"],
  [{ allOf: [{ type: "string" }, { type: "integer" }] }, "The schema"],
  [{ type: "object", properties: { a: false }, required: ["a"] }, "The schema"],
];

const named = (...names: string[]) => ({ tools: names.map((name) => ({ type: "function", function: { name } })) });
const choice = (name: string) => ({ ...named("look"), tool_choice: { type: "function", function: { name } } });

const ROWS: [id: string, fields: object, param: string, code: string, says: string][] = [
  ["B-65", named(...Array.from({ length: 1025 }, (_, i) => `t${i}`)), "tools", "too_many_items", "At most 1024"],
  ["B-65", named("look", "see", "look"), "tools[2].function.name", "invalid_value", '"look"'],
  ["B-65", named("look at"), "tools[0].function.name", "invalid_value", '"look at". Its name may have 1 to 128 letters'],
  ["B-65", named("x".repeat(129)), "tools[0].function.name", "invalid_value", "1 to 128 letters"],
  ["B-66", choice("see"), "tool_choice.function.name", "invalid_value", '"see"'],
  ["B-66", { tool_choice: "required" }, "tool_choice", "invalid_value", '"tools"'],
  ["B-67", { n: 9 }, "n", "invalid_value", "at most 8"],
  ["B-67", { n: 0 }, "n", "invalid_value", "at least 1"],
  ["B-67", { top_logprobs: 2 }, "top_logprobs", "invalid_value", '"logprobs": true'],
  ...IMPOSSIBLE.map(([schema, names]): (typeof ROWS)[number] => ["B-68", format(schema), SCHEMA!, "unsupported_schema", names]),
  ["B-68", tool({ type: "object", properties: { a: CYCLE } }), PARAMETERS!, "unsupported_schema", "$ref"],
  ["B-69", format({ type: "array", uniqueItems: true }, true), SCHEMA!, "unsupported_schema", '"uniqueItems" at "/"'],
  [
    "B-69",
    tool({ type: "object", properties: { a: { type: "array", contains: {} } } }, true),
    ...[PARAMETERS!, "unsupported_schema", '"contains" at "/properties/a"'],
  ] as (typeof ROWS)[number],
  ["B-68", { guided_json: { $ref: "#/nowhere" } }, "guided_json", "unsupported_schema", "$ref"],
  ["B-69", { guided_regex: "(?<=a)b" }, "guided_regex", "unsupported_schema", "cannot be enforced"],
  ["B-32", { grammar: "no grammar at all" }, "grammar", "invalid_value", ""],
  ["B-32", { grammar: 'root ::= rest\nrest ::= rest "a"' }, "grammar", "invalid_value", ""],
  ["B-67", { logit_bias: { "999999": 1 } }, "logit_bias", "invalid_value", "999999"],
  ["B-67", { logit_bias: { hello: 1 } }, "logit_bias.hello", "invalid_value", 'the key "hello"'],
  ["B-70", result("refused"), "messages", "messages_refused", "No such result here"],
];

const NEEDS: Record<string, Capability> = {
  ...{ tools: "tools", tool_choice: "tools", n: "choices", response_format: "response_format", guided_json: "response_format" },
  ...{ guided_regex: "patterns", grammar: "grammar", logit_bias: "logit_bias", top_logprobs: "logprobs" },
};

const isStrict = (fields: object): boolean => JSON.stringify(fields).includes("parameters");

for (const [name, adapter, skip] of ENGINES) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    let app: ReturnType<typeof makeApp>;
    beforeAll(() => {
      app = makeApp({
        adapter,
        models: [makeModel("tiny", templateFacts(TEMPLATE))],
        pool: { slots: 1, context: 1024, resolve: () => tinyModel({ template: TEMPLATE, context_length: 1024 }) },
      });
    });
    afterAll(() => app.pool.close(0));
    const chat = (fields: object) => app.chat({ max_tokens: 2, temperature: 0, ...fields });

    // Of what it does not take at all, an engine says that.
    const can = adapter.capabilities(makeModel("tiny", templateFacts(TEMPLATE)));
    const takes = (fields: object) =>
      Object.keys(fields).every((field) => !(field in NEEDS) || can.includes(NEEDS[field]!)) &&
      (adapter.passedOver !== undefined || !("response_format" in fields || "guided_json" in fields || isStrict(fields)));

    test.each(ROWS.filter(([, fields]) => takes(fields)))("%s: %j", async (_id, fields, param, code, says) => {
      const error = await errorOf(await chat(fields));
      expect(error).toMatchObject({ status: 400, param, code });
      expect(error.message).toContain(says);
      expect((await chat({})).status).toBe(200);
    });

    test("B-70: a result without its call is what the template makes of it", async () => {
      expect((await chat(result("rain"))).status).toBe(200);
    });

    test.skipIf(!takes(format({})))("B-69: without strict, what cannot be enforced is named", async () => {
      const res = await chat(format({ type: "array", items: { type: "boolean" }, uniqueItems: true }));
      expect([res.status, res.headers.get("x-ingle-ignored")]).toEqual([200, `${SCHEMA}#/uniqueItems`]);
    });
  });
}
