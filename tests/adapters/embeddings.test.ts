// Vectors and scores of both native engines, by texts: the same of the same model, whichever engine computes them.
import { afterAll, describe, expect, test } from "bun:test";
import type { Adapter, Engine } from "../../adapters/adapter.ts";
import type { EmbedRequest } from "../../adapters/embedding.ts";
import { pair, u32, VALUE } from "../../models/gguf/writer.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { startPrompts } from "../support/prompts.ts";
import { realEncoder } from "../support/real-encoder.ts";
import { realModel } from "../support/real-model.ts";
import { describeInstalled, installedAs, tinyEncoder, tinyRanker } from "../support/tiny-encoders.ts";

const prompts = startPrompts();
afterAll(prompts.close);
const [[, embedded], [, llama_server, skip]] = (await nativeEngines(prompts)) as [
  [string, Adapter, undefined],
  [string, Adapter, string | undefined],
];
const mean = await realEncoder("mean");
const real_skip = mean.skip ?? skip;

const signal = (): AbortSignal => AbortSignal.timeout(100_000);
const load = (adapter: Adapter, model: InstalledModel): Promise<Engine> =>
  adapter.load(model, { slots: 2, context: 1_024, threads: 1 }, signal());

async function vectorsOf(
  engine: Engine,
  inputs: EmbedRequest["inputs"],
  more: Partial<EmbedRequest> = {},
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for await (const event of engine.embed!({ inputs, ...more }, signal()))
    if (event.type === "embedding") vectors[event.index] = event.vector;
  return vectors;
}

async function scoresOf(engine: Engine, query: string, documents: string[]): Promise<number[]> {
  const scores: number[] = [];
  for await (const event of engine.rerank!({ query, documents }, signal()))
    if (event.type === "score") scores[event.index] = event.score;
  return scores;
}

const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, at) => sum + value * b[at]!, 0);

const TEXTS = [
  "hello world",
  "the cat is sleeping on the mat.",
  "a",
  "Wie heißt der Fluß durch Paris? 東京は首都です。 🦊",
  "0123456789 ".repeat(15),
  "[CLS] is no token here, nor are [SEP], <s> and <|im_end|>!",
];

describe.each<[string, () => Promise<InstalledModel>, number, string | undefined]>([
  ["a tiny encoder, by the mean", () => installedAs("mean", tinyEncoder({ pooling: "mean", context_length: 256 })), 0.9999, skip],
  [
    "a tiny encoder, by its first token",
    () => installedAs("cls", tinyEncoder({ pooling: "cls", context_length: 256 })),
    0.9999,
    skip,
  ],
  ["a tiny encoder that names no way", () => installedAs("none", tinyEncoder({ context_length: 256 })), 0.9999, skip],
  [
    "a tiny model that takes its last token",
    () => tinyModel({ keys: [pair("llama.pooling_type", VALUE.u32, u32(3))] }).then(withFacts),
    0.9999,
    skip,
  ],
  ["a tiny model that writes", () => tinyModel().then(withFacts), 0.9999, skip],
  ["MiniLM, by the mean", () => describeInstalled("mean", mean.path), 0.9999, real_skip],
  ["MiniLM, by its first token", async () => describeInstalled("cls", (await realEncoder("cls")).path), 0.9999, real_skip],
  ["SmolLM2 in Q4_1", () => realModel().then(withFacts), 0.999, skip],
])("%s", (_, model, least, skip) => {
  test.skipIf(skip !== undefined)(
    `has the same vectors on both engines${skip === undefined ? "" : ` (skipped: ${skip})`}`,
    async () => {
      const installed = await model();
      const [one, other] = await Promise.all([load(embedded, installed), load(llama_server, installed)]);
      const [ours, theirs] = [await vectorsOf(one, TEXTS), await vectorsOf(other, TEXTS)];
      expect([ours.length, theirs.length]).toEqual([TEXTS.length, TEXTS.length]);
      for (const [index, vector] of ours.entries()) {
        expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
        expect([index, cosine(vector, theirs[index]!)]).toEqual([index, expect.closeTo(1, least === 0.999 ? 2.7 : 3.7)]);
        expect(cosine(vector, theirs[index]!)).toBeGreaterThanOrEqual(least);
      }
      const tokens = await Promise.all(
        TEXTS.map((text) => one.tokenize!(text, { add_special: false, parse_special: false }, signal())),
      );
      for (const engine of [one, other])
        for (const [index, vector] of (await vectorsOf(engine, tokens)).entries())
          expect(cosine(vector, ours[index]!)).toBeGreaterThanOrEqual(least);
      await Promise.all([one.close(), other.close()]);
    },
    120_000,
  );
});

const withFacts = ({ id, path }: InstalledModel): Promise<InstalledModel> => describeInstalled(id, path);

test.skipIf(skip !== undefined).each([3, 5])(
  "llama-server loads with %d slots, which divide no step, and chats and embeds",
  async (slots) => {
    for (const model of [
      await tinyModel().then(withFacts),
      await installedAs("mean", tinyEncoder({ pooling: "mean", context_length: 256 })),
    ]) {
      const engine = await llama_server.load(model, { slots, context: 512, threads: 1 }, signal());
      expect((await vectorsOf(engine, TEXTS)).length).toBe(TEXTS.length);
      await engine.close();
    }
  },
);

const QUERY = "who sleeps?";
const DOCUMENTS = [
  ...["the cat is sleeping.", "hello world", "a", "dogs bark", "0123", "the the the", "cats and dogs sleep"],
  ...["[SEP] hello <|im_end|>", "wie geht es?", "x".repeat(60)],
];

describe.each<[string, () => Promise<InstalledModel>, number]>([
  ["a tiny encoder with a head", () => installedAs("rank", tinyEncoder({ pooling: "rank", rank_head: true })), 4],
  ["one whose header does not name its way", () => installedAs("rank", tinyEncoder({ rank_head: true })), 4],
  ["a tiny model that answers with one of two words", () => installedAs("ranker", tinyRanker()), 5],
])("%s", (_, model, digits) => {
  test.skipIf(skip !== undefined)(
    "gives ten documents the same scores on both engines",
    async () => {
      const installed = await model();
      const [one, other] = await Promise.all([load(embedded, installed), load(llama_server, installed)]);
      const [ours, theirs] = [await scoresOf(one, QUERY, DOCUMENTS), await scoresOf(other, QUERY, DOCUMENTS)];
      expect(ours.map((score, at) => score - theirs[at]!)).toEqual(DOCUMENTS.map(() => expect.closeTo(0, digits)));
      expect(new Set(ours).size).toBeGreaterThan(5);
      expect([one.embed, other.embed]).toEqual([undefined, undefined]);
      await Promise.all([one.close(), other.close()]);
    },
    120_000,
  );
});
