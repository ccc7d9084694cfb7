// POST /v1/embeddings, with the echo adapter: forms of the request and of the answer, and every refusal.
import { describe, expect, test } from "bun:test";
import { AdapterError, type Adapter } from "../../adapters/adapter.ts";
import { echo } from "../../adapters/echo.ts";
import type { EmbedRequest } from "../../adapters/embedding.ts";
import type { Model } from "../../models/manifest.ts";
import { errorOf, makeApp, makeModel } from "../support/app.ts";

const EMBEDDER = makeModel("embedder", { causal: false, pooling: "mean", embedding_length: 16 });

interface Answer {
  object: string;
  model: string;
  data: { object: string; index: number; embedding: number[] | string }[];
  usage: object;
}

function makeEmbedder(more: Partial<Model> = {}) {
  const app = makeApp({ models: [{ ...EMBEDDER, ...more }] });
  const embed = (fields: object) => app.post("/v1/embeddings", fields);
  const answerTo = async (fields: object): Promise<Answer> => {
    const res = await embed(fields);
    expect(res.status).toBe(200);
    return (await res.json()) as Answer;
  };
  return { ...app, embed, answerTo };
}

/** The echo adapter, whose requests for vectors are kept. */
function watched(fail?: () => Error) {
  const seen: EmbedRequest[] = [];
  const inner = echo();
  const adapter: Adapter = {
    ...inner,
    async load(...args) {
      const engine = await inner.load(...args);
      return {
        ...engine,
        async *embed(request, signal) {
          seen.push(request);
          if (fail) throw fail();
          yield* engine.embed!(request, signal);
        },
      };
    },
  };
  return { adapter, seen };
}

describe("the answer", () => {
  test("is OpenAI's list, in the order of the texts", async () => {
    const { answerTo } = makeEmbedder();
    const { data, ...head } = await answerTo({ model: "embedder", input: ["one two", "three", "one two"] });
    expect(head).toEqual({ object: "list", model: "embedder", usage: { prompt_tokens: 5, total_tokens: 5 } });
    expect(data.map(({ object, index }) => [object, index])).toEqual([0, 1, 2].map((index) => ["embedding", index]));
    expect(data[0]!.embedding).toEqual(data[2]!.embedding);
    expect(data[0]!.embedding).not.toEqual(data[1]!.embedding);
    expect(Math.hypot(...(data[0]!.embedding as number[]))).toBeCloseTo(1, 5);
  });

  test("in base64 has the same numbers, of 32 bits with the lowest byte first", async () => {
    const { answerTo } = makeEmbedder();
    const [plain, coded] = await Promise.all(
      [{}, { encoding_format: "base64" }].map((more) => answerTo({ input: "one two", ...more })),
    );
    const bytes = Buffer.from(coded!.data[0]!.embedding as string, "base64");
    expect(Array.from({ length: 16 }, (_, at) => bytes.readFloatLE(4 * at))).toEqual(plain!.data[0]!.embedding as number[]);
  });

  test("takes a string, a list, tokens and a list of tokens", async () => {
    const { answerTo, request } = makeEmbedder();
    const lengthOf = async (input: unknown): Promise<number> => (await answerTo({ input })).data.length;
    expect([await lengthOf("a"), await lengthOf(["a", "b"])]).toEqual([1, 2]);
    expect([await lengthOf([0]), await lengthOf([[0], [0, 0]]), await lengthOf(["a", [0]])]).toEqual([1, 2, 2]);
    expect((await request("/v1/embeddings")).status).toBe(405);
  });

  test("takes 2,048 texts", async () => {
    const { answerTo } = makeEmbedder();
    expect((await answerTo({ input: Array.from({ length: 2_048 }, () => "a") })).data.length).toBe(2_048);
  });

  test("comes of the only model that embeds, where none is named", async () => {
    const models = [EMBEDDER, makeModel("ranker", { pooling: "rank" })];
    const { post } = makeApp({ models });
    expect(((await (await post("/v1/embeddings", { input: "a" })).json()) as Answer).model).toBe("embedder");
  });

  test("names what is passed over", async () => {
    const { embed } = makeEmbedder();
    const res = await embed({ input: "a", user: "ada", colour: "red", truncate: false });
    expect([res.status, res.headers.get("x-ingle-ignored")]).toEqual([200, "user, colour"]);
  });
});

describe("B-75: dimensions", () => {
  const lengthOf = async (more: Partial<Model>, dimensions: number): Promise<number | object> => {
    const res = await makeEmbedder(more).embed({ input: "a", dimensions });
    if (res.status !== 200) return errorOf(res);
    const { data } = (await res.json()) as Answer;
    expect(Math.hypot(...(data[0]!.embedding as number[]))).toBeCloseTo(1, 5);
    return data[0]!.embedding.length;
  };
  const refused = (code: string) => expect.objectContaining({ status: 400, param: "dimensions", code });

  test("cut the vector of a model that was trained for that", async () => {
    expect([await lengthOf({ matryoshka: true }, 8), await lengthOf({ matryoshka: true }, 16)]).toEqual([8, 16]);
  });

  test("are refused of other models, but for the number that they make", async () => {
    expect(await lengthOf({}, 16)).toBe(16);
    expect(await lengthOf({}, 8)).toEqual(refused("unsupported_parameter"));
  });

  test.each([0, -1, 17])("that are %d are refused of any", async (dimensions) => {
    for (const matryoshka of [true, undefined])
      expect(await lengthOf(matryoshka ? { matryoshka } : {}, dimensions)).toEqual(refused("invalid_value"));
  });

  test("go to other servers as they are", async () => {
    const { adapter, seen } = watched();
    const model = makeModel("far", { files: [], upstream: { urls: ["http://127.0.0.1:1/v1"] } });
    expect((await makeApp({ adapter, models: [model] }).post("/v1/embeddings", { input: "a", dimensions: 4 })).status).toBe(200);
    expect(seen).toEqual([{ inputs: ["a"], dimensions: 4 }]);
  });
});

describe("B-73, B-74, B-76, B-84: is refused", () => {
  test.each<[what: string, fields: object, param: string | null, code: string, says: string]>([
    ["without an input", {}, "input", "missing_required_parameter", "Add it"],
    ["with null", { input: null }, "input", "missing_required_parameter", "Add it"],
    ["with an empty text", { input: "" }, "input", "invalid_value", "is empty"],
    ["with an empty list", { input: [] }, "input", "invalid_value", "is empty"],
    ["with an empty text in a list", { input: ["a", ""] }, "input[1]", "invalid_value", "is empty"],
    ["with no tokens in a list", { input: [[]] }, "input[0]", "invalid_value", "is empty"],
    ["with a number", { input: 5 }, "input", "invalid_type", "a string"],
    ["with an object", { input: { text: "a" } }, "input", "invalid_type", "a string"],
    ["with true in a list", { input: [true] }, "input[0]", "invalid_type", "a string"],
    ["with a negative token", { input: [1, -1] }, "input[1]", "invalid_value", "0 or more"],
    ["with half a token", { input: [[0], [0.5]] }, "input[1][0]", "invalid_value", "0 or more"],
    ["with a text among tokens", { input: [1, "a"] }, "input[1]", "invalid_type", "token"],
    ["with a token that the model has not", { input: [0, 99_999] }, "input[1]", "invalid_value", "99999"],
    ["with one in a list", { input: ["a", [0, 99_999]] }, "input[1][1]", "invalid_value", "99999"],
    ["with 2,049 texts", { input: Array(2_049).fill("a") }, "input", "too_many_items", "2048"],
    ["with another encoding", { input: "a", encoding_format: "hex" }, "encoding_format", "invalid_value", "base64"],
    ["with half a dimension", { input: "a", dimensions: 1.5 }, "dimensions", "invalid_type", "whole number"],
    ["where texts are to be cut", { input: "a", truncate: true }, "truncate", "unsupported_parameter", "Leave it out"],
    [
      "where vectors are to be raw",
      { input: "a", embd_normalize: -1 },
      "embd_normalize",
      "unsupported_parameter",
      "Leave it out",
    ],
  ])("%s", async (_, fields, param, code, says) => {
    const { embed } = makeEmbedder();
    await embed({ input: "a" });
    const error = await errorOf(await embed(fields));
    expect(error).toMatchObject({ status: 400, param, code });
    expect(error.message).toContain(says);
  });

  test.each([
    ["input", "a ".repeat(600)],
    ["input[1]", ["a", "a ".repeat(600)]],
  ])("with a text that is too long, by its place %s", async (param, input) => {
    const app = makeApp({ models: [EMBEDDER], pool: { context: 512 } });
    const error = await errorOf(await app.post("/v1/embeddings", { input }));
    expect(error).toMatchObject({ status: 400, param, code: "context_length_exceeded" });
    expect(error.message).toContain(`"${param}" has 60`);
    expect(error.message).toContain("maximum context length is 512 tokens");
  });

  test("where another server finds it too long without saying where", async () => {
    const { adapter } = watched(() => new AdapterError("context_length_exceeded", "It is too long."));
    const { post } = makeApp({ adapter, models: [EMBEDDER] });
    expect(await errorOf(await post("/v1/embeddings", { input: ["a"] }))).toMatchObject({ status: 400, param: "input" });
  });

  test("of a reranker, with the models that can", async () => {
    const { post } = makeApp({ models: [EMBEDDER, makeModel("ranker", { pooling: "rank" })] });
    expect(await errorOf(await post("/v1/embeddings", { model: "ranker", input: "a" }))).toMatchObject({
      ...{ status: 400, param: "model" },
      message: '"ranker" is a model that ranks texts (a reranker): it cannot embed texts. Installed models that can: "embedder".',
    });
  });

  test("where no model that embeds is installed", async () => {
    const { post } = makeApp({ models: [makeModel("ranker", { pooling: "rank" })] });
    const error = await errorOf(await post("/v1/embeddings", { input: "a" }));
    expect(error).toMatchObject({ status: 404, code: "model_not_found", message: expect.stringContaining("embed texts") });
  });

  test("beyond the size of a body, which is that of a chat", async () => {
    const { embed } = makeEmbedder();
    expect((await errorOf(await embed({ input: "a".repeat(10 * 2 ** 20) }))).status).toBe(413);
    expect((await errorOf(await embed({ input: "a".repeat(3 * 2 ** 20), dimensions: 0 }))).param).toBe("dimensions");
  });
});

test("B-85: a client that leaves ends the work", async () => {
  const app = makeApp({ adapter: echo({ token_ms: 20 }), models: [EMBEDDER] });
  const leave = new AbortController();
  const body = JSON.stringify({ input: Array.from({ length: 2_000 }, () => "a") });
  const answered = app.request("/v1/embeddings", { method: "POST", body, signal: leave.signal });
  setTimeout(() => leave.abort(), 100);
  await Promise.resolve(answered).catch(() => {});
  const started = performance.now();
  await app.pool.close(60_000);
  expect(performance.now() - started).toBeLessThan(5_000);
});
