// What every adapter must do that makes vectors and scores of texts: a part of adapter-suite.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Adapter, AdapterError, Engine } from "../adapters/adapter.ts";
import type { EmbedEvent, EmbedRequest, RerankEvent } from "../adapters/embedding.ts";
import type { InstalledModel } from "../models/manifest.ts";
import type { Subject } from "./adapter-suite.ts";
import { collect } from "./support/collect.ts";
import { ask } from "./support/models.ts";

const never = (): AbortSignal => new AbortController().signal;
const BARE = { add_special: false, parse_special: false };
const errorOf = async (work: Promise<unknown>): Promise<AdapterError> =>
  (await work.catch((error: unknown) => error)) as AdapterError;

export async function collectVectors(
  engine: Engine,
  inputs: EmbedRequest["inputs"],
  more: Partial<EmbedRequest> = {},
  signal = never(),
) {
  const events: EmbedEvent[] = [];
  for await (const event of engine.embed!({ inputs, ...more }, signal)) events.push(event);
  const vectors: Float32Array[] = [];
  for (const event of events) if (event.type === "embedding") vectors[event.index] = event.vector;
  return { events, vectors };
}

export const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, at) => sum + value * b[at]!, 0);

const TEXTS = ["hello world", "a night, and a day", "the cat"];

export function embeddingSuite(subject: Pick<Subject, "prompt" | "context" | "cuts" | "adds_ends">, engine: () => Engine): void {
  const { prompt, context, cuts = true, adds_ends = true } = subject;

  describe("embeddings", () => {
    test("each text has one vector, of the norm 1, before one finish that counts all of them", async () => {
      const { events, vectors } = await collectVectors(engine(), TEXTS);
      expect(events.map(({ type }) => type)).toEqual(["embedding", "embedding", "embedding", "finish"]);
      for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 4);
      expect(events.at(-1)).toMatchObject({ usage: { completion_tokens: 0 } });
      const { events: more } = await collectVectors(engine(), [...TEXTS, ...TEXTS]);
      const [once, twice] = [events, more].map(
        (all) => (all.at(-1) as Extract<EmbedEvent, { type: "finish" }>).usage.prompt_tokens,
      );
      expect([once! > 2, twice]).toEqual([true, 2 * once!]);
    });

    test("the same text has the same vector, alone and among others, and so have its tokens", async () => {
      const alone = await Promise.all(TEXTS.map(async (text) => (await collectVectors(engine(), [text])).vectors[0]!));
      const { vectors } = await collectVectors(engine(), TEXTS);
      const tokens = await Promise.all(
        TEXTS.map((text) => engine().tokenize!(text, { ...BARE, add_special: !adds_ends }, never())),
      );
      const of_tokens = await collectVectors(engine(), tokens);
      for (const [index, vector] of alone.entries()) {
        expect(cosine(vector, vectors[index]!)).toBeGreaterThan(0.9999);
        expect(cosine(vector, of_tokens.vectors[index]!)).toBeGreaterThan(0.999);
      }
      expect(cosine(alone[0]!, alone[1]!)).toBeLessThan(0.99999);
    });

    test(cuts ? "a vector is cut, and of the norm 1 again" : "a vector that would have to be cut is refused", async () => {
      const cutting = collectVectors(engine(), [TEXTS[0]!], { dimensions: 8 });
      if (!cuts) {
        const error = await errorOf(cutting);
        return void expect([error.code as string, error.param]).toEqual(["request_unsupported", "dimensions"]);
      }
      const [whole] = (await collectVectors(engine(), [TEXTS[0]!])).vectors;
      const [cut] = (await cutting).vectors;
      expect([cut!.length, Math.hypot(...cut!)]).toEqual([8, expect.closeTo(1, 4)]);
      expect(cosine(cut!, whole!.subarray(0, 8))).toBeCloseTo(Math.hypot(...whole!.subarray(0, 8)), 4);
    });

    test("a text that is too long is refused, and one that has been sent before and after it is not", async () => {
      const error = await errorOf(collectVectors(engine(), [TEXTS[0]!, "ab ".repeat(2 * context)]));
      expect(error.code).toBe("context_length_exceeded");
      expect(error.message).toContain("maximum context length");
      expect((await collectVectors(engine(), [TEXTS[0]!])).vectors.length).toBe(1);
    });

    test("tokens that the model has not are refused", async () => {
      expect((await errorOf(collectVectors(engine(), [[0], [2 ** 31 - 1]]))).code as string).toBe("request_refused");
    });

    test("an abort throws its reason, and leaving does no harm", async () => {
      const reason = new Error("gone");
      expect(await errorOf(collectVectors(engine(), TEXTS, {}, AbortSignal.abort(reason)))).toBe(reason as AdapterError);
      const stop = new AbortController();
      const running = errorOf(
        collectVectors(
          engine(),
          Array.from({ length: 2_000 }, () => TEXTS[1]!),
          {},
          stop.signal,
        ),
      );
      setTimeout(() => stop.abort(reason), 20);
      expect(await running).toBe(reason as AdapterError);
      for await (const _ of engine().embed!({ inputs: TEXTS }, never())) break;
      expect((await collectVectors(engine(), TEXTS)).vectors.length).toBe(3);
    });

    test("a chat says the same beside them", async () => {
      const alone = (await collect(engine().chat(ask(prompt), never()))).text;
      const many = Array.from({ length: 30 }, (_, index) => TEXTS[index % TEXTS.length]!);
      const [chat, { vectors }] = await Promise.all([
        collect(engine().chat(ask(prompt), never())),
        collectVectors(engine(), many),
      ]);
      expect([chat.text, vectors.length]).toEqual([alone, 30]);
      for (const [index, vector] of vectors.entries())
        expect(cosine(vector, vectors[index % TEXTS.length]!)).toBeGreaterThan(0.999);
    });
  });
}

interface RankingSubject {
  adapter: Adapter;
  model: () => Promise<InstalledModel>;
}

const QUERY = "who sleeps?";
const DOCUMENTS = ["the cat sleeps", "hello", "a", "who?", "nobody sleeps, the world is awake"];

/** For an engine of its own, with a model that ranks. */
export function rerankSuite(name: string, { adapter, model }: RankingSubject): void {
  describe(`reranks of ${name}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await adapter.load(await model(), { slots: 2, context: 256, threads: 1 }, never());
    });
    afterAll(() => engine.close());

    const scoresOf = async (documents: readonly string[], query = QUERY, signal = never()) => {
      const events: RerankEvent[] = [];
      for await (const event of engine.rerank!({ query, documents }, signal)) events.push(event);
      const scores: number[] = [];
      for (const event of events) if (event.type === "score") scores[event.index] = event.score;
      return { events, scores };
    };

    test("each document has one score, before one finish that counts all of them", async () => {
      const { events, scores } = await scoresOf(DOCUMENTS);
      expect(events.map(({ type }) => type)).toEqual([...DOCUMENTS.map(() => "score" as const), "finish"]);
      expect(scores.every(Number.isFinite)).toBe(true);
      expect(events.at(-1)).toMatchObject({ usage: { prompt_tokens: expect.any(Number) } });
    });

    test("a score does not depend on the documents beside it", async () => {
      const { scores } = await scoresOf([...DOCUMENTS, ...DOCUMENTS.toReversed()]);
      expect(scores.slice(5).toReversed()).toEqual(scores.slice(0, 5).map((score) => expect.closeTo(score, 4)));
      expect((await scoresOf([DOCUMENTS[2]!])).scores[0]).toBeCloseTo(scores[2]!, 4);
    });

    test("a document that is too long with the query is refused", async () => {
      const error = await errorOf(scoresOf(["a", "ab ".repeat(600)]));
      expect([error.code, error.message]).toEqual(["context_length_exceeded", expect.stringContaining("maximum context length")]);
    });

    test("an abort throws its reason", async () => {
      const reason = new Error("gone");
      expect(await errorOf(scoresOf(DOCUMENTS, QUERY, AbortSignal.abort(reason)))).toBe(reason as AdapterError);
      expect((await scoresOf(DOCUMENTS)).scores.length).toBe(5);
    });
  });
}
