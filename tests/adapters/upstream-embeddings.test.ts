// Vectors and scores of models that other servers run: what is sent there, and what the client gets of it.
import { afterEach, describe, expect, test } from "bun:test";
import type { AdapterError, Engine } from "../../adapters/adapter.ts";
import { upstream } from "../../adapters/upstream/adapter.ts";
import { collectVectors } from "../embedding-suite.ts";
import { startFakeUpstream, type FakeUpstream } from "../support/fake-upstream.ts";

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

async function server(status: number, body: object): Promise<FakeUpstream> {
  const fake = await startFakeUpstream();
  fake.behave({ kind: "status", status, body: JSON.stringify(body) });
  ended.push(() => fake.stop().catch(() => {}));
  return fake;
}

async function load(...servers: FakeUpstream[]): Promise<Engine> {
  const adapter = upstream({ env: {}, limits: { connect_ms: 300, first_ms: 2_000, amid_ms: 2_000, backoffs: [60] } });
  const model = { id: "m", path: "", settings: {}, upstream: { urls: servers.map(({ url }) => url), model: "org/big" } };
  const engine = await adapter.load(model, { slots: 1, context: 512 }, new AbortController().signal);
  ended.push(() => engine.close());
  return engine;
}

const errorOf = async (work: Promise<unknown>): Promise<AdapterError> =>
  (await work.catch((error: unknown) => error)) as AdapterError;

async function scoresOf(engine: Engine, documents: string[]): Promise<[index: number, score: number][]> {
  const scores: [number, number][] = [];
  for await (const event of engine.rerank!({ query: "who?", documents }, new AbortController().signal))
    if (event.type === "score") scores.push([event.index, event.score]);
  return scores;
}

const vectors = (...all: (number[] | string)[]) => ({
  data: all.map((embedding, index) => ({ object: "embedding", index, embedding })).toReversed(),
  usage: { prompt_tokens: 7, total_tokens: 7 },
});

describe("embeddings", () => {
  test("are asked for with the model's name there, all texts at once, and come in any order", async () => {
    const there = await server(200, vectors([0.6, 0.8], [1, 0]));
    const { vectors: got, events } = await collectVectors(await load(there), ["a", [1, 2]], { dimensions: 2 });
    expect(got.map((vector) => Array.from(vector, (value) => Math.round(value * 10)))).toEqual([
      [6, 8],
      [10, 0],
    ]);
    expect(events.at(-1)).toEqual({ type: "finish", usage: { prompt_tokens: 7, completion_tokens: 0, cached_tokens: 0 } });
    expect(there.chats[0]!.body).toEqual({ model: "org/big", input: ["a", [1, 2]], encoding_format: "float", dimensions: 2 });
  });

  test("may come in base64, whatever was asked for", async () => {
    const text = Buffer.from(Float32Array.of(0.6, 0.8).buffer).toString("base64");
    const { vectors: got } = await collectVectors(await load(await server(200, vectors(text))), ["a"]);
    expect([...got[0]!]).toEqual([...Float32Array.of(0.6, 0.8)]);
  });

  test.each([
    ["too few", vectors([1])],
    ["one twice", { ...vectors(), data: [0, 0].map((index) => ({ index, embedding: [1] })) }],
    ["one of no text", { ...vectors(), data: [0, 7].map((index) => ({ index, embedding: [1] })) }],
    ["half a number", vectors([1], "AAAA")],
    ["no list", { object: "list" }],
  ])("of which there are %s are no proper answer", async (_, body) => {
    const engine = await load(await server(200, body));
    expect((await errorOf(collectVectors(engine, ["a", "b"]))).code as string).toBe("upstream_error");
  });

  test("that a server refuses are the client's fault, and no other server is asked", async () => {
    const error = {
      message: "This model's maximum context length is 8 tokens. You sent 20.",
      type: "BadRequestError",
      param: "input",
    };
    const [one, other] = [await server(400, { error }), await server(400, { error })];
    const refusal = await errorOf(collectVectors(await load(one, other), ["a"]));
    expect([refusal.code as string, one.chats.length + other.chats.length]).toEqual(["context_length_exceeded", 1]);
  });

  test("come of another server where one fails", async () => {
    const [bad, good] = [await server(503, {}), await server(200, vectors([1, 0]))];
    expect((await collectVectors(await load(bad, good), ["a"])).vectors.length).toBe(1);
  });

  test("B-75: that are longer than was asked for are refused, and no other server is asked", async () => {
    const [one, other] = [await server(200, vectors([0.6, 0.8])), await server(200, vectors([0.6, 0.8]))];
    const error = await errorOf(collectVectors(await load(one, other), ["a"], { dimensions: 1 }));
    expect([error.code as string, error.param, one.chats.length + other.chats.length]).toEqual([
      "request_unsupported",
      "dimensions",
      1,
    ]);
    expect(error.public_message).toContain('vectors of 2 numbers, whatever "dimensions" says. Leave it out.');
  });

  test("of a server that makes none are refused", async () => {
    const error = await errorOf(collectVectors(await load(await server(501, {})), ["a"]));
    expect([error.code as string, error.message]).toEqual(["request_unsupported", expect.stringContaining("/embeddings")]);
  });
});

describe("ranks", () => {
  test("are asked for of all documents, whose texts need not come back", async () => {
    const results = [
      { index: 1, relevance_score: 2.5 },
      { index: 0, relevance_score: -3 },
    ];
    const there = await server(200, { results, usage: { total_tokens: 9 } });
    expect(await scoresOf(await load(there), ["a", "b"])).toEqual([
      [1, 2.5],
      [0, -3],
    ]);
    expect(there.chats[0]!.body).toEqual({
      model: "org/big",
      query: "who?",
      documents: ["a", "b"],
      top_n: 2,
      return_documents: false,
    });
  });

  test("of which one is missing are no proper answer", async () => {
    const engine = await load(await server(200, { results: [{ index: 0, relevance_score: 1 }] }));
    expect((await errorOf(scoresOf(engine, ["a", "b"]))).code as string).toBe("upstream_error");
  });
});
