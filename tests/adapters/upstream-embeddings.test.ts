// Vectors and scores of models that other servers run: what is sent there, and what the client gets of it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
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

async function load(...servers: Pick<FakeUpstream, "url">[]): Promise<Engine> {
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
  test("are asked for with the model's name there, all texts of a short list at once, and come in any order", async () => {
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

/** Its vectors have the number that is in a text. */
async function countingServer({ ms = 0, refuses }: { ms?: number; refuses?: number } = {}) {
  const parts: string[][] = [];
  const there = createServer(async (request, response) => {
    const reply = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (request.method === "GET") return reply(200, { data: [{ id: "org/big" }] });
    const { input } = (await json(request)) as { input: string[] };
    parts.push(input);
    const numbers = input.map((text) => Number.parseInt(text, 10));
    const refused = numbers.indexOf(refuses ?? -1);
    await setTimeout(ms);
    if (refused !== -1) return reply(400, { error: { message: "It is bad.", param: `input[${refused}]` } });
    const data = numbers.map((number, index) => ({ index, embedding: [number, 1] }));
    reply(200, { data, usage: { prompt_tokens: input.length } });
  });
  await new Promise<void>((done) => there.listen(0, "127.0.0.1", done));
  ended.push(() => there.close().closeAllConnections());
  const engine = await load({ url: `http://127.0.0.1:${(there.address() as AddressInfo).port}/v1` });
  return { engine, parts };
}

describe("embeddings of many texts", () => {
  const TEXTS = Array.from({ length: 500 }, (_, index) => `${index} ${"word ".repeat(20)}`);

  test("are asked for in parts, and come in the order of the texts", async () => {
    const { engine, parts } = await countingServer();
    const { vectors: got, events } = await collectVectors(engine, TEXTS);
    expect(got.map(([number]) => number)).toEqual(TEXTS.map((_, index) => index));
    expect(events.at(-1)).toMatchObject({ type: "finish", usage: { prompt_tokens: 500 } });
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.flat().toSorted()).toEqual(TEXTS.toSorted());
    // A server that answers at once gets more with every request.
    expect(parts.at(-2)!.length).toBeGreaterThan(2 * parts[0]!.length);
  });

  test("are asked for no more once their client has left", async () => {
    const { engine, parts } = await countingServer({ ms: 100 });
    const leave = new AbortController();
    const events = engine.embed!({ inputs: TEXTS }, leave.signal)[Symbol.asyncIterator]();
    await events.next();
    leave.abort(new Error("left"));
    const asked = parts.length;
    expect(parts.flat().length).toBeLessThan(TEXTS.length);
    await setTimeout(300);
    expect(parts.length).toBe(asked);
  });

  test("of which a server refuses one are refused by its place among all", async () => {
    const { engine } = await countingServer({ refuses: 321 });
    const error = await errorOf(collectVectors(engine, TEXTS));
    expect([error.code as string, error.param]).toEqual(["request_refused", "input[321]"]);
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
