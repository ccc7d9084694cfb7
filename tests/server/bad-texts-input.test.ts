// The rows of bad input for texts, tokens and ranks on the two native engines: tiny models behind the whole API. What is refused here reaches no
// engine, or ends no process of one.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { errorOf, HI, makeApp, makeModel } from "../support/app.ts";
import { tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { startPrompts } from "../support/prompts.ts";
import { installedAs, tinyEncoder } from "../support/tiny-encoders.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());

const MODELS = [
  makeModel("encoder", { causal: false, pooling: "mean", embedding_length: 64 }),
  makeModel("ranker", { causal: false, pooling: "rank" }),
  makeModel("writer"),
];
const FILES: Record<string, () => ReturnType<typeof tinyModel>> = {
  encoder: () => installedAs("encoder", tinyEncoder({ pooling: "mean" })),
  ranker: () => installedAs("ranker", tinyEncoder({ pooling: "rank", rank_head: true })),
  writer: () => tinyModel({ context_length: 512 }),
};

const [EMBEDDINGS, RERANK, COMPLETIONS] = ["/v1/embeddings", "/v1/rerank", "/v1/completions"];
const CHAT = "/v1/chat/completions";
const encoder = { model: "encoder", input: "hello" };
const ranker = { model: "ranker", query: "hello", documents: ["world"] };
const writer = { model: "writer", prompt: "hello", max_tokens: 1 };
const TOO_LONG = "hello ".repeat(600);
const TOO_LARGE = "a".repeat(10 * 2 ** 20);

type Row = [row: string, path: string, fields: object, status: number, param: string | null, code: string, says: string];

const ROWS: Row[] = [
  ["B-73", EMBEDDINGS, { ...encoder, input: "" }, 400, "input", "invalid_value", "Send a text or tokens"],
  ["B-73", EMBEDDINGS, { ...encoder, input: [] }, 400, "input", "invalid_value", "Send a text or tokens"],
  ["B-73", EMBEDDINGS, { ...encoder, input: Array(2_049).fill("a") }, 400, "input", "too_many_items", "send several requests"],
  ["B-73", EMBEDDINGS, { ...encoder, input: [[5], [5, 9_999]] }, 400, "input[1][1]", "invalid_value", "POST /v1/tokenize gives"],
  ["B-73", EMBEDDINGS, { ...encoder, input: [2 ** 40] }, 400, "input[0]", "invalid_value", "POST /v1/tokenize gives"],
  ["B-74", EMBEDDINGS, { ...encoder, input: ["a", TOO_LONG] }, 400, "input[1]", "context_length_exceeded", "shorter ones"],
  ["B-74", EMBEDDINGS, { model: "writer", input: TOO_LONG }, 400, "input", "context_length_exceeded", "shorter ones"],
  ["B-75", EMBEDDINGS, { ...encoder, dimensions: 0 }, 400, "dimensions", "invalid_value", '"dimensions"'],
  ["B-75", EMBEDDINGS, { ...encoder, dimensions: 65 }, 400, "dimensions", "invalid_value", "Send no more"],
  ["B-75", EMBEDDINGS, { ...encoder, dimensions: 8 }, 400, "dimensions", "unsupported_parameter", "Leave it out"],
  ["B-76", CHAT, { model: "encoder", messages: HI }, 400, "model", "invalid_value", 'models that can: "writer"'],
  ["B-76", COMPLETIONS, { ...writer, model: "encoder" }, 400, "model", "invalid_value", 'models that can: "writer"'],
  ["B-76", EMBEDDINGS, { ...encoder, model: "ranker" }, 400, "model", "invalid_value", 'models that can: "encoder", "writer"'],
  ["B-76", RERANK, { ...ranker, model: "encoder" }, 400, "model", "invalid_value", 'models that can: "ranker"'],
  ["B-77", RERANK, { ...ranker, documents: [] }, 400, "documents", "invalid_value", '"documents"'],
  ["B-77", RERANK, { ...ranker, documents: ["a", TOO_LONG] }, 400, "documents[1]", "context_length_exceeded", "shorter ones"],
  ["B-77", RERANK, { ...ranker, top_n: -1 }, 400, "top_n", "invalid_value", '"top_n"'],
  ["B-78", COMPLETIONS, { ...writer, prompt: [1, 9_999] }, 400, "prompt[1]", "invalid_value", "POST /v1/tokenize gives"],
  ["B-78", COMPLETIONS, { ...writer, prompt: TOO_LONG.repeat(5) }, 400, "prompt", "context_length_exceeded", "512 tokens"],
  ["B-79", COMPLETIONS, { ...writer, suffix: "z" }, 400, "suffix", "unsupported_parameter", "Leave it out"],
  ["B-79", COMPLETIONS, { ...writer, best_of: 2 }, 400, "best_of", "unsupported_parameter", '"best_of"'],
  ["B-81", "/v1/detokenize", { model: "writer", tokens: [1, 9_999] }, 400, "tokens[1]", "invalid_value", "/v1/tokenize gives"],
  ...[
    [EMBEDDINGS, { ...encoder, input: TOO_LARGE }],
    [RERANK, { ...ranker, query: TOO_LARGE }],
    [COMPLETIONS, { ...writer, prompt: TOO_LARGE }],
    ["/v1/tokenize", { model: "writer", content: TOO_LARGE }],
  ].map(([path, fields]): Row => ["B-84", path as string, fields as object, 413, null, "request_too_large", "--body-limit"]),
];

for (const [name, adapter, skip] of await nativeEngines(prompts))
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    let app: ReturnType<typeof makeApp>;
    beforeAll(() => {
      app = makeApp({ adapter, models: MODELS, pool: { slots: 2, context: 512, resolve: ({ id }) => FILES[id]!() } });
    });
    afterAll(() => app.pool.close(0));

    test.each(ROWS.map((row) => [`${row[0]}: ${row[1]} ${JSON.stringify(row[2]).slice(0, 80)}`, row] as const))(
      "%s",
      async (_, [, path, fields, status, param, code, says]) => {
        const error = await errorOf(await app.post(path, fields));
        expect(error).toMatchObject({ status, param, code });
        expect(error.message).toContain(says);
      },
    );

    test("and each model goes on", async () => {
      const answers = await Promise.all([
        app.post(EMBEDDINGS, encoder),
        app.post(RERANK, ranker),
        app.post(COMPLETIONS, writer),
        app.post(CHAT, { model: "writer", messages: HI, max_tokens: 1 }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    });
  });
