// A small part of `npm run test:structured`.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";
import { realModel } from "../support/real-model.ts";
import { TOOL_TEMPLATES } from "../support/tool-templates.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { type ModelApi, openModelApi } from "./model-api.ts";
import { runCalls, runConversations, runSchema } from "./run.ts";
import { CASES } from "./schemas.ts";

const FAMILIES = Object.entries(TOOL_TEMPLATES);
const prompts = startPrompts();
afterAll(() => prompts.close());

for (const [name, adapter, skip] of await nativeEngines(prompts)) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    let api: ModelApi;
    beforeAll(async () => {
      api = openModelApi(adapter, await realModel(), 2048);
    });
    afterAll(() => api.close());

    test.each(CASES.filter((_, index) => index % 3 === 0).map((one) => [one.name, one] as const))(
      "an answer has its schema: %s",
      async (_, one) => {
        expect((await runSchema(api, one, 1)).wrong).toEqual([]);
      },
    );

    test("an answer that was begun goes on under its schema, or cannot have been begun so", async () => {
      const schema = {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
        additionalProperties: false,
      };
      const response_format = { type: "json_schema", json_schema: { name: "x", schema } };
      const asked = { role: "user", content: "Which is the capital of France? Answer in JSON." };
      const goOn = (content: string) =>
        api.answer({
          ...{ messages: [asked, { role: "assistant", content }], temperature: 0, max_tokens: 40, response_format },
          stream: false,
        });
      const begun = '{"city": "Pa';
      const { text, broken } = await goOn(begun);
      expect(JSON.parse(begun + text)).toEqual({ city: expect.stringMatching(/^Pa/) });
      expect(broken).toBeUndefined();
      const refusal = await goOn("The city is").catch((error: Error) => JSON.parse(error.message).error);
      expect(refusal).toMatchObject({ code: "invalid_value", param: "messages" });
    });

    test("a call that is required, and one that is named, has the arguments of its schema", async () => {
      expect((await runCalls(api, 2)).wrong).toEqual([]);
    });

    test("results of calls are handed back, and calls that are cut are no text", async () => {
      expect((await runConversations(api, 1)).wrong).toEqual([]);
    });
  });

  test.skipIf(skip !== undefined)(`${name}: "ignore_eos" ends an answer where its grammar leaves nothing else`, async () => {
    const template = TOOL_TEMPLATES.hermes;
    const tiny = openModelApi(adapter, await tinyModel({ template, context_length: 2048 }), 2048);
    const schema = { type: "object", properties: { a: { enum: ["b"] } }, required: ["a"], additionalProperties: false };
    const endless = { messages: [{ role: "user", content: "hello" }], max_tokens: 200, ignore_eos: true };
    for (const stream of [false, true]) {
      const answer = (fields: object) => tiny.answer({ ...endless, ...fields, stream });
      expect(await answer({ grammar: 'root ::= "ab" | "abcd"' })).toMatchObject({ text: "abcd", reason: "stop" });
      const response_format = { type: "json_schema", json_schema: { name: "x", schema } };
      const { text, reason } = await answer({ response_format });
      expect([JSON.parse(text), reason]).toEqual([{ a: "b" }, "stop"]);
      const tools = [{ type: "function", function: { name: "f", parameters: schema } }];
      const called = await answer({ tools, tool_choice: "required", parallel_tool_calls: false });
      expect([called.reason, called.calls.map((call) => JSON.parse(call.function.arguments))]).toEqual([
        "tool_calls",
        [{ a: "b" }],
      ]);
    }
    await tiny.close();
  });

  test.skipIf(skip !== undefined).each(name === "llama-server" ? FAMILIES.slice(0, 3) : FAMILIES)(
    `${name}: calls of the family %s have the arguments of their schema`,
    async (_family, template) => {
      const tiny = openModelApi(adapter, await tinyModel({ template, context_length: 4096 }), 4096);
      expect((await runCalls(tiny, 1)).wrong).toEqual([]);
      await tiny.close();
    },
  );
}
