// What parameters of embeddings and ranks do on the two native engines: tiny models behind the whole API.
import { afterAll, describe, expect, test } from "bun:test";
import { EMBEDDINGS_TABLE, RERANK_TABLE } from "../../tools/docs/parameters/embeddings.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { parameterRows, wrongRows } from "../support/parameter-rows.ts";
import { startPrompts } from "../support/prompts.ts";
import { installedAs, tinyEncoder } from "../support/tiny-encoders.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());

for (const [name, adapter, skip] of await nativeEngines(prompts))
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    test.each([
      ["/v1/embeddings", EMBEDDINGS_TABLE, { causal: false, pooling: "mean", embedding_length: 64 }, { pooling: "mean" }],
      ["/v1/rerank", RERANK_TABLE, { causal: false, pooling: "rank" }, { rank_head: true }],
    ] as const)("each row of the table of %s in docs/api.md is as it says", async (path, table, facts, file) => {
      expect(parameterRows(table).length).toBe(table.list.size);
      const pool = { slots: 1, queue: 300, context: 128, resolve: () => installedAs("tiny", tinyEncoder(file)) };
      const app = makeApp({ adapter, models: [makeModel("tiny", facts)], pool });
      const send = (fields: object) => app.post(path, { ...table.needed, ...fields });
      expect(await wrongRows(table, { engine: name, side: 0, send })).toEqual([]);
      await app.pool.close(0);
    });
  });
