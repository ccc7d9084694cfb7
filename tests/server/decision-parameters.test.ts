// What parameters of decisions do on the two native engines: a tiny model behind the whole API.
import { afterAll, describe, expect, test } from "bun:test";
import { DECISIONS_TABLE } from "../../tools/docs/parameters/decisions.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { parameterRows, wrongRows } from "../support/parameter-rows.ts";
import { startPrompts } from "../support/prompts.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());

for (const [name, adapter, skip] of await nativeEngines(prompts))
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    test("each row of the table in docs/api.md is as it says", async () => {
      expect(parameterRows(DECISIONS_TABLE).length).toBe(DECISIONS_TABLE.list.size);
      const pool = { slots: 1, queue: 300, context: 512, resolve: () => tinyModel() };
      const app = makeApp({ adapter, models: [makeModel("tiny")], pool });
      const send = (fields: object) => app.post("/v1/decisions", { ...DECISIONS_TABLE.needed, ...fields });
      expect(await wrongRows(DECISIONS_TABLE, { engine: name, side: 0, send })).toEqual([]);
      await app.pool.close(0);
    });
  });
