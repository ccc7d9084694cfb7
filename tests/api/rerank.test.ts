// POST /v1/rerank and /v2/rerank, with the echo adapter, whose scores are the parts of the query's words that a document has.
import { describe, expect, test } from "bun:test";
import { errorOf, makeApp, makeModel } from "../support/app.ts";

const RANKER = makeModel("ranker", { pooling: "rank", causal: false });
const QUERY = "one two";
const DOCUMENTS = ["nothing", "two", "one two", "two three"];

interface Answer {
  id: string;
  object: string;
  model: string;
  results: { index: number; relevance_score: number; document?: object }[];
  usage: object;
}

function makeRanker() {
  const { post } = makeApp({ models: [RANKER] });
  const rerank = (fields: object, path = "/v1/rerank") => post(path, { query: QUERY, documents: DOCUMENTS, ...fields });
  return { rerank, answerTo: async (fields: object, path?: string) => (await (await rerank(fields, path)).json()) as Answer };
}

describe("the answer", () => {
  test("has all documents, the best first, and of those with the same score the first", async () => {
    const { answerTo } = makeRanker();
    expect(await answerTo({})).toEqual({
      ...{ id: "rerank-1", object: "list", model: "ranker", usage: { prompt_tokens: 14, total_tokens: 14 } },
      results: [
        { index: 2, relevance_score: 1 },
        { index: 1, relevance_score: 0.5 },
        { index: 3, relevance_score: 0.5 },
        { index: 0, relevance_score: 0 },
      ],
    });
  });

  test("is the same at the path of Cohere's newer clients", async () => {
    const { answerTo } = makeRanker();
    const [one, two] = [await answerTo({}), await answerTo({}, "/v2/rerank")];
    expect(two.results).toEqual(one.results);
  });

  test("has the best so many, and the documents where they are asked for", async () => {
    const { answerTo } = makeRanker();
    expect((await answerTo({ top_n: 1, return_documents: true })).results).toEqual([
      { index: 2, relevance_score: 1, document: { text: "one two" } },
    ]);
    expect((await answerTo({ top_n: 99 })).results.length).toBe(4);
  });

  test("takes texts in objects, and an empty document", async () => {
    const { answerTo } = makeRanker();
    const documents = [{ text: "two" }, "", { text: "one two", title: "x" }];
    const more = { rank_fields: ["text"], relevant_spans: { mode: "disabled" } };
    const { results } = await answerTo({ query: { text: QUERY }, documents, ...more });
    expect(results.map(({ index }) => index)).toEqual([2, 0, 1]);
  });

  test("names what is passed over", async () => {
    const { rerank } = makeRanker();
    const res = await rerank({ max_tokens_per_doc: 4_096, colour: "red" });
    expect([res.status, res.headers.get("x-ingle-ignored")]).toEqual([200, "max_tokens_per_doc, colour"]);
  });
});

describe("B-76, B-77, B-84: is refused", () => {
  test.each<[what: string, fields: object, param: string, code: string]>([
    ["without documents", { documents: undefined }, "documents", "missing_required_parameter"],
    ["with no document", { documents: [] }, "documents", "invalid_value"],
    ["with 2,049 documents", { documents: Array(2_049).fill("a") }, "documents", "too_many_items"],
    ["with one that is a number", { documents: ["a", 5] }, "documents[1]", "invalid_type"],
    ["with one without a text", { documents: [{ title: "a" }] }, "documents[0]", "invalid_type"],
    ["without a query", { query: undefined }, "query", "missing_required_parameter"],
    ["with an empty query", { query: "" }, "query", "invalid_value"],
    ["with a top of none", { top_n: 0 }, "top_n", "invalid_value"],
    ["with a top of -1", { top_n: -1 }, "top_n", "invalid_value"],
    ["with other fields", { rank_fields: ["title"] }, "rank_fields", "unsupported_parameter"],
    ["where spans are to be found", { relevant_spans: { mode: "enabled" } }, "relevant_spans", "unsupported_parameter"],
    ["where documents are to be cut", { truncate: true }, "truncate", "unsupported_parameter"],
  ])("%s", async (_, fields, param, code) => {
    expect(await errorOf(await makeRanker().rerank(fields))).toMatchObject({ status: 400, param, code });
  });

  test("with a document that is too long with the query, by its place", async () => {
    const { post } = makeApp({ models: [RANKER], pool: { context: 512 } });
    const error = await errorOf(await post("/v1/rerank", { query: QUERY, documents: ["a", "a ".repeat(600)] }));
    expect(error).toMatchObject({ status: 400, param: "documents[1]", code: "context_length_exceeded" });
  });

  test("of a model for embeddings, with the models that can", async () => {
    const { post } = makeApp({ models: [RANKER, makeModel("embedder", { causal: false })] });
    const error = await errorOf(await post("/v1/rerank", { model: "embedder", query: QUERY, documents: DOCUMENTS }));
    expect(error.message).toBe(
      '"embedder" is a model for embeddings: it cannot rank documents. Installed models that can: "ranker".',
    );
  });

  test("beyond the size of a body, which is that of a chat", async () => {
    for (const path of ["/v1/rerank", "/v2/rerank"]) {
      const { rerank } = makeRanker();
      expect((await errorOf(await rerank({ query: "a".repeat(10 * 2 ** 20) }, path))).status).toBe(413);
      expect((await errorOf(await rerank({ query: "a".repeat(3 * 2 ** 20), top_n: 0 }, path))).param).toBe("top_n");
    }
  });
});
