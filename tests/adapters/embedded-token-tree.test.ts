// The tokens that a grammar allows next, against a try of each token of the vocabulary.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { getLlama, LlamaLogLevel, type Llama, type LlamaContext, type LlamaModel } from "node-llama-cpp";
import { addonOf, type Addon } from "../../adapters/node-llama-cpp/addon.ts";
import { drawToken, seededRandom } from "../../adapters/node-llama-cpp/draw-token.ts";
import { createGrammarSampler } from "../../adapters/node-llama-cpp/grammar-sampler.ts";
import { NEUTRAL_SAMPLER } from "../../adapters/node-llama-cpp/likelihood.ts";
import { type AllowedTokens, createAllowedTokens } from "../../adapters/node-llama-cpp/token-tree.ts";
import { createVocabulary, type EmbeddedVocabulary } from "../../adapters/node-llama-cpp/vocabulary.ts";
import { realModel } from "../support/real-model.ts";

let llama: Llama;
let model: LlamaModel;
let context: LlamaContext;
let addon: Addon;
let vocabulary: EmbeddedVocabulary;
let allowed: AllowedTokens;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: "never", progressLogs: false, logLevel: LlamaLogLevel.error, maxThreads: 1 });
  model = await llama.loadModel({ modelPath: (await realModel()).path });
  context = await model.createContext({ contextSize: 64, sequences: 1, threads: 1 });
  addon = addonOf(llama, model, context);
  vocabulary = createVocabulary(addon.model, model.fileInfo.metadata.tokenizer.ggml.tokens.length, () => "");
  allowed = createAllowedTokens(addon, vocabulary);
});
// In this order: a library that goes before its model waits for it.
afterAll(async () => {
  await context.dispose();
  await model.dispose();
  await llama.dispose();
});

test("few tokens are all found, and many are given up at once", () => {
  const GRAMMARS: [string, string][] = [
    [
      String.raw`root ::= "{\"name\":" [ ]? "\"" [^"\x00-\x1f]* "\"," [ \n]? "\"age\":" [1-9] [0-9]{0,2} "}"`,
      '{"name": "Al","age":5}',
    ],
    ['root ::= "été 🦊" [α-ω]{2} ("x" | "yz")', "été 🦊αβx"],
  ];
  const plain = Array.from({ length: vocabulary.size }, (_, token) => token).filter((token) => !vocabulary.isSpecial(token));
  let given_up = 0;
  for (const [grammar, text] of GRAMMARS) {
    const state = addon.newGrammarState(grammar);
    for (const token of model.tokenize(text)) {
      const found = allowed(state);
      if (found === undefined) given_up++;
      else expect(found.toSorted((a, b) => a - b)).toEqual(plain.filter((each) => addon.canBeNext(state, each)));
      addon.accept(state, token);
    }
  }
  expect(given_up).toBe(2);
});

test("each token stands for the bytes that it is decoded to", () => {
  const text = 'Grüße, "Fuchs" 🦊\n\tif (x) { return 漢字; }';
  const tokens = model.tokenize(text);
  expect(Buffer.concat(tokens.map((token) => vocabulary.bytesOf(token))).toString()).toBe(text);
});

test("without a temperature, the likeliest token that fits is the one that the native sampler finds in the whole vocabulary", async () => {
  const GRAMMARS = [
    String.raw`root ::= "[" [\n ]{0,4} "{\"name\": \"" [A-Z] [a-z]{2,7} "\", \"age\": " [1-9] [0-9]? "}"`,
    'root ::= [A-Z]{3} "-" [0-9]{4} "-" [a-z]+',
    'root ::= "SKU" [^a-z]{6} "zebra"',
  ];
  const { context: native } = addon;
  for (const grammar of GRAMMARS) {
    const start = addon.newGrammarState(grammar);
    const strict = addon.newSampler({ ...NEUTRAL_SAMPLER, grammarEvaluationState: addon.cloneGrammarState(start) });
    const options = {
      history: [],
      allowed,
      ends: vocabulary.ends(),
      shown: [],
      bias: { config: {}, biases: new Map(), banned: new Set<number>(), is_asked: false },
    };
    const sampler = createGrammarSampler(addon, { ...options, config: NEUTRAL_SAMPLER, state: start });
    native.disposeSequence(0);
    let tokens: readonly number[] = model.tokenize("Write a list.\n");
    let position = 0;
    for (let answered = 0; answered < 16; answered++) {
      native.initBatch(tokens.length);
      const [index] = native.addToBatch(0, position, Uint32Array.from(tokens), Uint32Array.of(tokens.length - 1));
      await native.decodeBatch();
      const token = await sampler.sample(index!);
      expect(token).toBe(await native.sampleToken(index!, strict));
      if (addon.model.isEogToken(token)) break;
      position += tokens.length;
      tokens = [token];
    }
    sampler.dispose();
    strict.dispose();
  }
});

test("one of few is drawn as the samplers say", () => {
  const candidates = [0.1, 0.5, 0.3, 0.06, 0.04].map((part, token) => [token, Math.log(part)] as const);
  const shares = (settings: object): number[] => {
    const random = seededRandom(7);
    const counts = candidates.map(() => 0);
    for (let i = 0; i < 20_000; i++) {
      counts[drawToken(candidates, { temperature: 1, topP: 1, minP: 0, ...settings }, random)]! += 1 / 20_000;
    }
    return counts;
  };
  const near = (parts: number[]) => parts.map((part) => expect.closeTo(part, 1.5));
  expect(shares({})).toEqual(near([0.1, 0.5, 0.3, 0.06, 0.04]));
  expect(shares({ topK: 2 })).toEqual([0, expect.closeTo(0.625, 1.5), expect.closeTo(0.375, 1.5), 0, 0]);
  expect(shares({ topP: 0.85 }).map((part) => part > 0)).toEqual([true, true, true, false, false]);
  expect(shares({ minP: 0.15 }).map((part) => part > 0)).toEqual([true, true, true, false, false]);
  expect(shares({ temperature: 0 })).toEqual([0, expect.closeTo(1, 6), 0, 0, 0]);
  expect(shares({ temperature: 0.5 })[1]).toBeCloseTo(0.25 / (0.01 + 0.25 + 0.09 + 0.0036 + 0.0016), 1.5);
});
