// A small part of `npm run test:structured`.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Engine } from "../../adapters/adapter.ts";
import { startPrompts } from "../support/prompts.ts";
import { realModel } from "../support/real-model.ts";
import { nativeEngines, runCalls, runSchema } from "./run.ts";
import { CASES } from "./schemas.ts";

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

    test("a call that is required, and one that is named, has the arguments of its schema", async () => {
      expect((await runCalls(engine, 2)).wrong).toEqual([]);
    });
  });
}
