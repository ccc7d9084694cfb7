// Vectors and scores of the embedded engine, by tokens: what it computes, and what must never reach the library.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AdapterError } from "../../adapters/adapter.ts";
import type { EmbedEvent } from "../../adapters/embedding.ts";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import type { TokenEngine } from "../../adapters/token-engine.ts";
import { pair, u32, VALUE } from "../../models/gguf/writer.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { askTokens } from "../support/models.ts";
import { describeInstalled, installedAs, tinyEncoder, tinyRanker, type TinyEncoder } from "../support/tiny-encoders.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const signal = (): AbortSignal => AbortSignal.timeout(60_000);
const load = (model: InstalledModel, options: { slots?: number; context?: number } = {}): Promise<TokenEngine> =>
  nodeLlamaCpp().load(model, { slots: 2, context: 512, threads: 1, ...options }, signal());
const encoder = async (options: TinyEncoder): Promise<TokenEngine> => load(await installedAs("tiny", tinyEncoder(options)));

async function vectorsOf(engine: TokenEngine, inputs: number[][], stop = signal()): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for await (const event of engine.embed!({ inputs }, stop)) if (event.type === "embedding") vectors[event.index] = event.vector;
  return vectors;
}

const normOf = (vector: Float32Array): number => Math.hypot(...vector);
const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, at) => sum + value * b[at]!, 0);

const POOLED_BY_LAST = [pair("llama.pooling_type", VALUE.u32, u32(3))];

const TEXTS = [
  [2, 84, 85, 3],
  [2, 5, 45, 46, 47, 3],
  [2, 86, 3],
];

describe("an encoder", () => {
  test("makes a vector of each text, of the norm 1, and counts what it has read", async () => {
    const engine = await encoder({ pooling: "mean" });
    const events: EmbedEvent[] = [];
    for await (const event of engine.embed!({ inputs: TEXTS }, signal())) events.push(event);
    expect(events.map((event) => (event.type === "embedding" ? event.index : event.type))).toEqual([0, 1, 2, "finish"]);
    expect(events.at(-1)).toEqual({ type: "finish", usage: { prompt_tokens: 13, completion_tokens: 0, cached_tokens: 0 } });
    const vectors = await vectorsOf(engine, TEXTS);
    for (const vector of vectors) expect([vector.length, Math.round(normOf(vector) * 1e5)]).toEqual([64, 1e5]);
    expect(cosine(vectors[0]!, vectors[1]!)).toBeLessThan(0.999);
    await engine.close();
  });

  test("has the same vector for the same text, whatever was before it", async () => {
    const engine = await encoder({ pooling: "mean" });
    const alone = await vectorsOf(engine, [TEXTS[2]!]);
    const among = await vectorsOf(engine, [TEXTS[0]!, TEXTS[2]!, TEXTS[1]!, TEXTS[2]!]);
    expect([among[1], among[3]]).toEqual([alone[0]!, alone[0]!]);
    await engine.close();
  });

  test("pools as its header says, and by the mean where that names no way", async () => {
    const of = async (options: TinyEncoder): Promise<Float32Array> => {
      const engine = await encoder(options);
      const [vector] = await vectorsOf(engine, [TEXTS[1]!]);
      await engine.close();
      return vector!;
    };
    const [mean, cls, last] = [await of({ pooling: "mean" }), await of({ pooling: "cls" }), await of({ pooling: "last" })];
    expect([await of({ pooling: "none" }), await of({})]).toEqual([mean, mean]);
    for (const [one, other] of [
      [mean, cls],
      [cls, last],
      [last, mean],
    ] as const)
      expect(cosine(one, other)).toBeLessThan(0.999);
  });

  test("takes texts up to its context, and no further: the library would end the process", async () => {
    const engine = await load(await installedAs("tiny", tinyEncoder({ pooling: "mean", context_length: 100 })), {
      context: 4_096,
    });
    expect([engine.context_length, engine.longest_input]).toEqual([100, 100]);
    const text = (length: number): number[] => Array.from({ length }, (_, at) => 5 + (at % 30));
    expect((await vectorsOf(engine, [text(100)]))[0]!.length).toBe(64);
    for (const length of [0, 101, 300]) {
      const error = await vectorsOf(engine, [text(length)]).catch((error: Error) => error);
      expect(error).toBeInstanceOf(RangeError);
    }
    expect((await vectorsOf(engine, [text(100)]))[0]!.length).toBe(64);
    await engine.close();
  });

  test("writes no text", async () => {
    const engine = await encoder({ pooling: "mean" });
    const generate = async (): Promise<void> => {
      for await (const _ of engine.generate(askTokens([2]), signal()));
    };
    const error = (await generate().catch((error: unknown) => error)) as AdapterError;
    expect([error.code as string, error.message]).toEqual([
      "request_unsupported",
      '"tiny" is a model for embeddings: it writes no text.',
    ]);
    await engine.close();
  });

  test("serves several at a time, and ends all with its close", async () => {
    const engine = await encoder({ pooling: "mean" });
    const many = Array.from({ length: 40 }, () => TEXTS[1]!);
    const all = await Promise.all([vectorsOf(engine, many), vectorsOf(engine, many), vectorsOf(engine, TEXTS)]);
    expect(all.map(({ length }) => length)).toEqual([40, 40, 3]);
    const running = vectorsOf(
      engine,
      Array.from({ length: 5_000 }, () => TEXTS[1]!),
    ).catch((error: AdapterError) => error.code as string);
    await vectorsOf(engine, TEXTS);
    await engine.close();
    expect([await running, await engine.closed]).toEqual(["engine_unavailable", undefined]);
  });

  test("stops within a text where the client leaves, or aborts", async () => {
    const engine = await encoder({ pooling: "mean" });
    const inputs = Array.from({ length: 20_000 }, () => TEXTS[1]!);
    let seen = 0;
    for await (const _ of engine.embed!({ inputs }, signal())) if (++seen === 3) break;
    const stop = new AbortController();
    const running = vectorsOf(engine, inputs, stop.signal).catch((error: Error) => error.message);
    await vectorsOf(engine, TEXTS);
    stop.abort(new Error("left"));
    expect(await running).toBe("left");
    expect((await vectorsOf(engine, TEXTS)).length).toBe(3);
    await engine.close();
  });
});

describe("a reranker", () => {
  const scoresOf = async (engine: TokenEngine, inputs: number[][]): Promise<number[]> => {
    const scores: number[] = [];
    for await (const event of engine.rank!({ inputs }, signal())) if (event.type === "score") scores[event.index] = event.score;
    return scores;
  };

  test("gives the number of its head, which no sigmoid has changed", async () => {
    const engine = await encoder({ pooling: "rank", rank_head: true });
    expect([engine.embed, engine.rankTexts]).toEqual([undefined, undefined]);
    const scores = await scoresOf(engine, TEXTS);
    expect(scores.some((score) => score < 0)).toBe(true);
    expect(new Set(scores).size).toBe(3);
    const unnamed = await encoder({ rank_head: true });
    expect(await scoresOf(unnamed, TEXTS)).toEqual(scores);
    await Promise.all([engine.close(), unnamed.close()]);
  });

  test("of two words gives the probability of the first one", async () => {
    const engine = await load(await installedAs("ranker", tinyRanker()));
    const [score = 0] = await scoresOf(engine, [[1, 40, 50, 60]]);
    expect(score).toBeWithin(0.001, 0.999);
    await engine.close();
  });
});

describe("a model that writes", () => {
  let engine: TokenEngine;
  beforeAll(async () => {
    engine = await load(await installedAs("writer", tinyGguf()));
  });
  afterAll(() => engine.close());
  const TOKENS = [1, 259, 104, 260, 107, 70, 71, 72];

  test("embeds by the mean, up to one step", async () => {
    expect(engine.longest_input).toBe(512);
    const vectors = await vectorsOf(engine, [TOKENS, [1, 259]]);
    expect(vectors.map((vector) => [vector.length, Math.round(normOf(vector) * 1e5)])).toEqual([
      [64, 1e5],
      [64, 1e5],
    ]);
    expect((await vectorsOf(engine, [Array.from({ length: 512 }, (_, at) => 3 + (at % 200))]))[0]!.length).toBe(64);
  });

  test("says the same beside that, and its vectors are the same", async () => {
    const textOf = async (): Promise<string> => {
      let text = "";
      for await (const event of engine.generate(askTokens(TOKENS, { max_tokens: 60 }), signal()))
        if (event.type === "text") text += event.text;
      return text;
    };
    const alone = await textOf();
    const [vector] = await vectorsOf(engine, [TOKENS]);
    const many = Array.from({ length: 100 }, () => TOKENS);
    const [one, other, vectors] = await Promise.all([textOf(), textOf(), vectorsOf(engine, many)]);
    expect([one, other]).toEqual([alone, alone]);
    for (const each of vectors) expect(each).toEqual(vector!);
  });

  test("with the pooling of its last token reads long texts step by step", async () => {
    const model = await installedAs("last", tinyGguf({ keys: POOLED_BY_LAST, context_length: 2_048 }));
    expect(await describeInstalled("last", model.path)).toMatchObject({ pooling: "last", causal: true });
    const last = await load(model, { context: 2_048 });
    expect(last.longest_input).toBe(2_047);
    const long = Array.from({ length: 1_500 }, (_, at) => 3 + ((at * 7) % 250));
    const vectors = await vectorsOf(last, [long, long.slice(0, 512), long]);
    expect(vectors[2]).toEqual(vectors[0]!);
    expect(cosine(vectors[0]!, vectors[1]!)).toBeLessThan(0.9999);
    await last.close();
  });
});
