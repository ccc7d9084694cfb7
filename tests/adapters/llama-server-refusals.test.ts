// What the client, or a model before, got wrong is a 4xx with its field, whatever llama-server makes of it; SDKs send a 503 again for ever.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { llamaServerChat } from "../support/llama-server-chat.ts";
import { HI, makeApp, makeModel } from "../support/app.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";

const { path, skip } = await realServer();
const prompts = startPrompts();
afterAll(prompts.close);

const TEMPLATE =
  "{% if tools %}TOOLS {{ tools | tojson }}{% endif %}{% for message in messages %}" +
  "{% if tools and message.content == 'refused' %}{{ raise_exception('No tools here') }}{% endif %}" +
  "{% if tools and message.content == 'broken' %}{{ 1 / 'a' }}{% endif %}" +
  "<|im_start|>{{ message.role }}\n{{ message.content or '' }}{% for tool_call in message.tool_calls or [] %}" +
  `{"name": "{{ tool_call.function.name }}", "arguments": {{ tool_call.function.arguments | tojson }}}` +
  "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const tools = (parameters: object) => ({ tools: [{ type: "function", function: { name: "look", parameters } }] });
const format = (schema: object, strict = false) => ({
  response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict } },
});
const JSON_OBJECT = { response_format: { type: "json_object" } };
const LOOK = tools({ type: "object", properties: { at: { type: "string" } } });
const user = (content: string) => ({ messages: [{ role: "user", content }] });
const called = (written: string) => ({
  messages: [
    ...HI,
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "call_1", type: "function", function: { name: "look", arguments: written } }],
    },
    { role: "tool", tool_call_id: "call_1", content: "rain" },
  ],
});

const TEXTS = [
  ...'\ufdd0 \ufdd0</s> \ufdef \u0000 \ud800 \udc00x \ufffe \ufeff \u2060 \u{10ffff} <s> </s> <|im_end|> {{7*7}} {% <think> <tool_call> <__media__> \\ " %s'.split(
    " ",
  ),
  "",
  "\n",
];
const SCHEMAS = [
  ...["^.{0,500}$", '^"\\\\$', "^[$", "^a{5,2}$", "^\\p{L}$", "^(?!x)a$", "^$", "^(a|b)*$", "^😀$", "^\u0000$", "^a**$"].map(
    (pattern) => ({ pattern }),
  ),
  ...["nonsense", "uuid", "", 5, null].map((format) => ({ type: "string", format })),
  ...["nonsense", [], 5, null, {}, ["string", 5], [["string"]]].map((type) => ({ type })),
  ...[[], 5, null, ['"\\\n\u0001']].map((values) => ({ enum: values })),
  ...[-1, "a", 1.5, 1e12, null].map((minLength) => ({ type: "string", minLength })),
  ...["a", 1e30, 1.5, null].map((minimum) => ({ type: "integer", minimum })),
  ...[false, true, 5, null, []].map((items) => ({ type: "array", items })),
  ...[[], 5, null, { a: null }, { a: 5 }, { a: "string" }].map((properties) => ({ type: "object", properties })),
  ...["a", 5, null, [5], {}].map((required) => ({ type: "object", properties: { a: {} }, required })),
  ...[{}, [], 5, [5], [null]].map((anyOf) => ({ anyOf })),
  ...["x", 5, null].map((additionalProperties) => ({ type: "object", additionalProperties })),
  ...["#/$defs/no", "#", "https://example.invalid/a", 5, "", "#/anyOf/9"].map(($ref) => ({ $ref })),
];
const ARGUMENTS = [
  "",
  "{",
  "[1]",
  "null",
  '{"a":1e400}',
  '{"a":"\\ud800"}',
  '{"\\udc00":1}',
  `{"a":${"[".repeat(250)}${"]".repeat(250)}}`,
];

describe.skipIf(skip !== undefined)(
  `a request that llama-server refuses${skip === undefined ? "" : ` (skipped: ${skip})`}`,
  () => {
    let post: ReturnType<typeof makeApp>["post"];
    let close: () => Promise<void>;
    beforeAll(async () => {
      const installed = await tinyModel({ context_length: 4096, template: TEMPLATE });
      const adapter = llamaServerChat({ binary: () => path!, env: process.env, prompts });
      const { pool, ...app } = makeApp({
        adapter,
        models: [makeModel("tiny", { template_tools: true })],
        pool: { resolve: () => installed },
      });
      post = app.post;
      close = () => pool.close(1_000);
    });
    afterAll(() => close?.());

    const ask = async (body: object) => {
      const res = await post("/v1/chat/completions", { messages: HI, max_tokens: 4, temperature: 0, ...body });
      const { error } = (await res.json()) as { error?: { code: string; param: string | null; message: string } };
      return { status: res.status, retried: res.headers.get("x-should-retry"), ...error };
    };
    /** Answers with the requests that have neither an answer nor a refusal with its field. */
    const wrong = async (bodies: object[]) => {
      const found: unknown[] = [];
      for (const body of bodies) {
        const { status, param, message } = await ask(body);
        if (status !== 200 && (status !== 400 || !param)) found.push([body, status, param, message]);
      }
      return found;
    };

    test("for a text is answered, or is a 400 with its field", async () => {
      const bodies = TEXTS.flatMap((text) => [
        ...[user(text), { ...user(text), ...JSON_OBJECT }, { ...user(text), ...LOOK }, { stop: [text], ...JSON_OBJECT }],
        ...[{ ...called(JSON.stringify({ a: text, [text]: 1 })), ...LOOK }, { ...called(text), ...LOOK }, called(text)],
        ...[
          tools({ type: "object", properties: { [text]: { enum: [text] } } }),
          { chat_template_kwargs: { a: text }, ...JSON_OBJECT },
        ],
        ...[format({ type: "object", properties: { [text]: { const: text } } }), { grammar: `root ::= "${text}"` }],
      ]);
      expect(await wrong(bodies)).toEqual([]);
    }, 60_000);

    test("for a schema is answered, or is a 400 with its field", async () => {
      const schemas = SCHEMAS.flatMap((schema) => [schema, { type: "object", properties: { a: schema }, required: ["a"] }]);
      expect(await wrong(schemas.flatMap((schema) => [format(schema), { ...tools(schema), tool_choice: "required" }]))).toEqual(
        [],
      );
    }, 60_000);

    test("for arguments that a model spoilt is answered, or is a 400 with its field", async () => {
      const histories = ARGUMENTS.map(called);
      expect(
        await wrong(histories.flatMap((history) => [history, { ...history, ...LOOK }, { ...history, ...JSON_OBJECT }])),
      ).toEqual([]);
    });

    test("for its tools, its messages or its grammar names the field", async () => {
      expect(await ask({ ...user("refused"), ...LOOK })).toMatchObject({
        status: 400,
        code: "messages_refused",
        param: "messages",
      });
      expect(await ask({ ...user("broken"), ...LOOK })).toMatchObject({ status: 400, code: "template_failed", param: "model" });
      const param = "response_format.json_schema.schema";
      expect(await ask(format({ type: "nonsense" }, true))).toMatchObject({ status: 400, code: "unsupported_schema", param });
      for (const grammar of ["root ::= (", 'root ::= "\\U00110000"', "root ::= [\\U7fffffff]", "root ::= <[999999]>"])
        expect([grammar, await ask({ grammar })]).toMatchObject([grammar, { status: 400, param: "grammar" }]);
    });
  },
);
