// A small part of `npm run test:structured`.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Engine } from "../../adapters/adapter.ts";
import { collect } from "../adapter-suite.ts";
import { ask, tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";
import { realModel } from "../support/real-model.ts";
import { TOOL_TEMPLATES } from "../support/tool-templates.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { runCalls, runSchema } from "./run.ts";
import { CASES } from "./schemas.ts";

const FAMILIES = Object.entries(TOOL_TEMPLATES);
const prompts = startPrompts();
afterAll(() => prompts.close());

for (const [name, adapter, skip] of await nativeEngines(prompts)) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await adapter.load(await realModel(), { slots: 1, context: 2048 }, AbortSignal.timeout(60_000));
    });
    afterAll(() => engine.close());

    test.each(CASES.filter((_, index) => index % 3 === 0).map((one) => [one.name, one] as const))(
      "an answer has its schema: %s",
      async (_, one) => {
        expect((await runSchema(engine, one, 1)).wrong).toEqual([]);
      },
    );

    test("an answer that was begun goes on under its schema, or cannot have been begun so", async () => {
      const schema = {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
        additionalProperties: false,
      };
      const response_format = { type: "json_schema" as const, json_schema: { name: "x", schema } };
      const goOn = (content: string) => {
        const asked = { role: "user" as const, content: "Which is the capital of France? Answer in JSON." };
        const request = ask([asked, { role: "assistant", content }], { max_tokens: 40, response_format });
        return collect(engine.chat(request, AbortSignal.timeout(60_000)));
      };
      const begun = '{"city": "Pa';
      const { text, finish } = await goOn(begun);
      expect(JSON.parse(begun + text)).toEqual({ city: expect.stringMatching(/^Pa/) });
      expect(finish.schema_failure).toBeUndefined();
      const refusal = await goOn("The city is").catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: "request_refused", param: "messages" });
    });

    test("a call that is required, and one that is named, has the arguments of its schema", async () => {
      expect((await runCalls(engine, 2)).wrong).toEqual([]);
    });
  });

  test.skipIf(skip !== undefined).each(name === "llama-server" ? FAMILIES.slice(0, 3) : FAMILIES)(
    `${name}: calls of the family %s have the arguments of their schema`,
    async (_family, template) => {
      const options = { slots: 1, context: 4096 };
      const tiny = await adapter.load(await tinyModel({ template, context_length: 4096 }), options, AbortSignal.timeout(60_000));
      expect((await runCalls(tiny, 1)).wrong).toEqual([]);
      await tiny.close();
    },
  );
}
