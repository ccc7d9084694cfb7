// What parameters of a response do on the two native engines: a tiny model behind the whole API.
import { afterAll, describe, expect, test } from "bun:test";
import type { Adapter } from "../../adapters/adapter.ts";
import { RESPONSES_TABLE } from "../../tools/docs/parameters/responses.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { parameterRows, wrongRows } from "../support/parameter-rows.ts";
import { startPrompts } from "../support/prompts.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());

const TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}";
/** Thinks, and has a switch and efforts for that. */
const RICH = `{% if enable_thinking %}{% endif %}{{ reasoning_effort }}${TEMPLATE}{% if add_generation_prompt %}<think>\n{% endif %}`;

function serve(adapter: Adapter, rich: boolean) {
  const template = rich ? RICH : TEMPLATE;
  const app = makeApp({
    adapter,
    models: [
      makeModel("tiny", {
        template_kwargs: rich ? ["enable_thinking", "reasoning_effort"] : [],
        template_thinking: rich,
      }),
    ],
    pool: { slots: 4, queue: 300, context: 4096, resolve: () => tinyModel({ template, context_length: 4096 }) },
  });
  const send = (fields: object) => app.post("/v1/responses", { input: "hello", temperature: 0, ...fields });
  return { ...app, send, close: () => app.pool.close(0) };
}

for (const [name, adapter, skip] of await nativeEngines(prompts)) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    const [rich, poor] = [serve(adapter, true), serve(adapter, false)];
    afterAll(async () => {
      for (const { close } of [rich, poor]) await close();
    });

    test("each row of the table in docs/api.md is as it says", async () => {
      expect(parameterRows(RESPONSES_TABLE).length).toBe(RESPONSES_TABLE.list.size);
      for (const [side, { send }] of [rich, poor].entries()) {
        expect(await wrongRows(RESPONSES_TABLE, { engine: name, side, send })).toEqual([]);
      }
    });

    test("an input has the tokens that are counted, and says what the same chat says", async () => {
      const input = [
        { role: "developer", content: "the world" },
        { role: "user", content: [{ type: "input_text", text: "hello" }] },
      ];
      const count = await poor.post("/v1/responses/input_tokens", { input });
      const response: any = await (await poor.send({ input, max_output_tokens: 8, seed: 1 })).json();
      const messages = [
        { role: "developer", content: "the world" },
        { role: "user", content: "hello" },
      ];
      const chat: any = await (await poor.chat({ messages, max_tokens: 8, temperature: 0, seed: 1 })).json();
      expect(await count.json()).toEqual({ object: "response.input_tokens", input_tokens: response.usage.input_tokens });
      expect(response.usage.input_tokens).toBe(chat.usage.prompt_tokens);
      expect(response.output.at(-1).content[0].text).toBe(chat.choices[0].message.content);
    });

    test("a tool that must be called is called, and its answer is read", async () => {
      const city = {
        type: "object",
        properties: { city: { enum: ["Oslo", "Rome"] } },
        required: ["city"],
        additionalProperties: false,
      };
      const tools = [{ type: "function", name: "weather", parameters: city, strict: true }];
      const res = await poor.send({ tools, tool_choice: "required", parallel_tool_calls: false, max_output_tokens: 200 });
      const { output, status, error }: any = await res.json();
      expect(error).toBe(null);
      expect(status).toBe("completed");
      expect(output.map(({ type, name }: any) => [type, name])).toEqual([["function_call", "weather"]]);
      expect(["Oslo", "Rome"]).toContain(JSON.parse(output[0].arguments).city);
      const next = await poor.send({
        ...{ tools, max_output_tokens: 4 },
        input: [
          { role: "user", content: "hello" },
          ...output,
          { type: "function_call_output", call_id: output[0].call_id, output: "12" },
        ],
      });
      expect(next.status).toBe(200);
    });
  });
}
