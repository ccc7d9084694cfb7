// Parameters that other APIs have by other names and in other forms: what reaches the engine, and that errors name them as they were sent.
import { describe, expect, test } from "bun:test";
import { AdapterError, CAPABILITIES, type Capability, type ChatRequest } from "../../adapters/adapter.ts";
import { errorOf, makeApp } from "../support/app.ts";
import { fakeAdapter, USAGE } from "../support/fake-adapter.ts";

type Fields = Record<string, unknown>;
const SCHEMA = { type: "object", properties: { a: { type: "integer" } } };
const OF_SCHEMA = { response_format: { type: "json_schema", json_schema: { name: "schema", schema: SCHEMA } } };
const CALLED = { name: "weather", parameters: { type: "object" } };
const TOOL = { type: "function", function: CALLED };

async function asked(fields: Fields, capabilities: Capability[] = [...CAPABILITIES]) {
  const fake = fakeAdapter({ answer: ["x"], capabilities });
  const res = await makeApp({ adapter: fake.adapter }).chat(fields);
  return { engine: fake.generations[0]?.request, error: res.ok ? undefined : await errorOf(res) };
}

const ROWS: [fields: Fields, asks: Partial<Record<keyof ChatRequest, unknown>>][] = [
  [{ n_cmpl: 3 }, { choices: { count: 3, at_once: 2 } }],
  [{ num_return_sequences: 2, n: 2 }, { choices: { count: 2, at_once: 2 } }],
  [{ json_schema: SCHEMA }, OF_SCHEMA],
  [{ response_format: { type: "json_schema", schema: SCHEMA } }, OF_SCHEMA],
  [
    { response_format: { type: "json_schema", name: "a", strict: true, schema: SCHEMA } },
    { response_format: { type: "json_schema", json_schema: { name: "a", schema: SCHEMA, strict: true } } },
  ],
  [{ guided_json: SCHEMA }, OF_SCHEMA],
  [{ guided_json: JSON.stringify(SCHEMA), response_format: { type: "text" } }, OF_SCHEMA],
  [{ structured_outputs: { json: SCHEMA, regex: null, disable_fallback: false } }, OF_SCHEMA],
  [{ format: SCHEMA }, OF_SCHEMA],
  [{ json_schema: {} }, { response_format: { type: "json_schema", json_schema: { name: "schema", schema: {} } } }],
  [{ format: "json" }, { response_format: { type: "json_object" } }],
  [{ guided_json_object: true }, { response_format: { type: "json_object" } }],
  [{ structured_outputs: { json_object: true } }, { response_format: { type: "json_object" } }],
  [{ guided_regex: "[ab]+" }, { response_format: { type: "regex", regex: "[ab]+" } }],
  [{ regex: "[ab]+" }, { response_format: { type: "regex", regex: "[ab]+" } }],
  [{ structured_outputs: { regex: "[ab]+" } }, { response_format: { type: "regex", regex: "[ab]+" } }],
  [{ guided_choice: ["yes", "no"] }, { response_format: { type: "choice", choice: ["yes", "no"] } }],
  [{ structured_outputs: { choice: ["yes"] } }, { response_format: { type: "choice", choice: ["yes"] } }],
  [{ functions: [CALLED] }, { tools: [TOOL], parallel_tool_calls: false }],
  [
    { functions: [CALLED], function_call: { name: "weather" } },
    { tools: [TOOL], tool_choice: { name: "weather" }, parallel_tool_calls: false },
  ],
  [
    { functions: [CALLED], function_call: "none" },
    { tools: [TOOL], tool_choice: "none", parallel_tool_calls: false },
  ],
];

test.each(ROWS)("%j is as it is in OpenAI's words", async (fields, asks) => {
  const plain = (await asked({})).engine;
  expect((await asked(fields)).engine).toEqual({ ...plain, ...asks } as ChatRequest);
});

test.each([
  { guided_json: {} },
  { guided_choice: [], guided_regex: "", regex: null, format: "", guided_json_object: false },
  { structured_outputs: { json: null } },
  { structured_outputs: true },
  { n_cmpl: 1, num_return_sequences: 1 },
  { functions: [], function_call: "auto" },
])("%j asks for nothing, of any engine", async (fields) => {
  const plain = (await asked({}, [])).engine!;
  expect((await asked(fields, [])).engine).toEqual(plain);
});

describe("an error", () => {
  test.each<[Fields, param: string, code: string, message: string]>([
    [{ n_cmpl: 9 }, "n_cmpl", "invalid_value", '"n_cmpl" is 9. It must be at most 8.'],
    [{ n: 2, n_cmpl: 3 }, "n_cmpl", "invalid_value", '"n_cmpl" and "n" say different things. Send one of them.'],
    [{ regex: "a", guided_json: SCHEMA }, "guided_json", "invalid_value", '"guided_json" and "regex" say different things.'],
    [{ ...OF_SCHEMA, guided_regex: "a" }, "guided_regex", "invalid_value", '"guided_regex" and "response_format" say'],
    [{ guided_json: "{" }, "guided_json", "invalid_value", '"guided_json" is no JSON.'],
    [{ guided_json: 5 }, "guided_json", "invalid_type", '"guided_json" is 5. It must be an object.'],
    [{ guided_choice: ["a", 1] }, "guided_choice[1]", "invalid_type", '"guided_choice[1]" is 1. It must be a string.'],
    [{ structured_outputs: 0 }, "structured_outputs", "invalid_type", "must be an object"],
    [
      { structured_outputs: { json: {}, regex: "a", choice: ["b"] } },
      "structured_outputs.choice",
      "invalid_value",
      "different things",
    ],
    [{ structured_outputs: { grammar: "x" } }, "structured_outputs.grammar", "unsupported_parameter", "Leave it out."],
    [{ format: SCHEMA, grammar: 'root ::= "a"' }, "grammar", "invalid_value", '"grammar" and "format" are both given'],
    [{ functions: [CALLED, CALLED] }, "functions[1].name", "invalid_value", "Give each a name of its own."],
    [{ functions: [{ name: "a b" }] }, "functions[0].name", "invalid_value", "1 to 128 letters"],
    [{ functions: [CALLED], function_call: { name: "x" } }, "function_call.name", "invalid_value", 'none of "functions"'],
    [{ functions: [CALLED], tools: [TOOL] }, "functions", "invalid_value", '"functions" and "tools"'],
    [{ functions: "f" }, "functions", "invalid_type", '"functions" is "f". It must be an array.'],
  ])("of %j names what was sent", async (fields, param, code, message) => {
    const { error, engine } = await asked(fields);
    expect([error, engine]).toMatchObject([{ status: 400, param, code }, undefined]);
    expect(error!.message).toContain(message);
  });

  test.each([
    { n_cmpl: 2 },
    { json_schema: SCHEMA },
    { format: "json" },
    { guided_regex: "a" },
    { guided_choice: ["a"] },
    { functions: [CALLED] },
  ])("of an engine without the capability for %j does, too", async (fields) => {
    const [param] = Object.keys(fields);
    expect((await asked(fields, [])).error).toMatchObject({ status: 400, param, code: "unsupported_parameter" });
  });

  test("says that an engine has no patterns, where it has formats", async () => {
    const { error } = await asked({ regex: "a" }, ["response_format"]);
    expect(error).toMatchObject({ status: 400, param: "regex", code: "unsupported_parameter" });
  });

  test.each([true, false])("of the engine does so amid its answer, stream %p", async (stream) => {
    const fake = fakeAdapter({ capabilities: [...CAPABILITIES] });
    const sent = makeApp({ adapter: fake.adapter }).chat({ guided_json: SCHEMA, stream });
    const refusal = new AdapterError("unsupported_schema", 'The schema at "response_format.json_schema.schema" has no value.', {
      param: "response_format.json_schema.schema",
    });
    (await fake.generation(0)).fail(refusal);
    expect(await errorOf(await sent)).toMatchObject({
      ...{ status: 400, code: "unsupported_schema", param: "guided_json" },
      message: 'The schema at "guided_json" has no value.',
    });
  });
});

describe("what an engine passes over", () => {
  const passing = (paths: string[], fields: Fields) => {
    const { adapter } = fakeAdapter({ answer: ["x"], capabilities: [...CAPABILITIES] });
    const app = makeApp({ adapter: { ...adapter, passedOver: () => paths } });
    return app.chat(fields).then((res) => ({ ignored: res.headers.get("x-ingle-ignored"), status: res.status, log: app.log }));
  };

  test("is named as it was sent, in the header and in the log", async () => {
    const path = "response_format.json_schema.schema/properties/a/uniqueItems";
    const { ignored, log } = await passing([path], { guided_json: SCHEMA, user: "me" });
    expect(ignored).toBe("user, guided_json/properties/a/uniqueItems");
    expect(log).toContainEqual(
      expect.objectContaining({ level: "info", model: "tiny", passed_over: ["guided_json/properties/a/uniqueItems"] }),
    );
  });

  test.each([
    [
      { type: "json_object", schema: SCHEMA, extra: 1 },
      "response_format.extra, response_format.schema#/properties/a/uniqueItems",
    ],
    [{ type: "json_schema", schema: SCHEMA }, "response_format.schema#/properties/a/uniqueItems"],
  ])("is named within %j", async (response_format, expected) => {
    const path = "response_format.json_schema.schema#/properties/a/uniqueItems";
    expect((await passing([path], { response_format })).ignored).toBe(expected);
  });

  test("is cut where a header would get too long for clients", async () => {
    const { ignored } = await passing(
      Array.from({ length: 60 }, (_, i) => `tools[${i}].function.parameters/properties/${"é".repeat(150)}/uniqueItems`),
      {},
    );
    expect(ignored!.length).toBeLessThan(4_200);
    expect(ignored).toEndWith(", ...");
  });
});

describe("calls of functions, as they were before tools", () => {
  test.each([true, false])("are function_call, stream %p", async (stream) => {
    const fake = fakeAdapter({ capabilities: [...CAPABILITIES] });
    const sent = makeApp({ adapter: fake.adapter }).chat({ functions: [CALLED], stream });
    const generation = await fake.generation(0);
    generation.put({ type: "tool_call", index: 0, id: "a", name: "weather", arguments: "" });
    generation.put({ type: "tool_call", index: 0, arguments: "{}" });
    generation.put({ type: "tool_call", index: 1, id: "b", name: "weather", arguments: "{}" });
    generation.put({ type: "finish", reason: "tool_calls", usage: USAGE });
    const text = await (await sent).text();
    const parts = stream
      ? [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json!).choices[0])
      : JSON.parse(text).choices;
    const message = { role: "assistant", content: null, refusal: null, function_call: { name: "weather", arguments: "{}" } };
    const whole = [{ index: 0, message, logprobs: null, finish_reason: "function_call" }];
    expect(parts).toMatchObject(
      stream
        ? [
            { delta: { role: "assistant" } },
            { delta: { function_call: { name: "weather", arguments: "" } } },
            { delta: { function_call: { arguments: "{}" } } },
            { delta: {}, finish_reason: "function_call" },
          ]
        : whole,
    );
    expect(parts.length).toBe(stream ? 4 : 1);
  });
});
