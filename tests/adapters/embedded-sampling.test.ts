// Samplers, bias and logprobs of the embedded engine, on the tiny model of 32-bit floats.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import { addonOf } from "../../adapters/node-llama-cpp/addon.ts";
import { ABOUT } from "../../adapters/node-llama-cpp/description.ts";
import { checkSamplers, HONOURED_SAMPLERS, samplerConfig } from "../../adapters/node-llama-cpp/sampler-settings.ts";
import { SAMPLERS } from "../../adapters/samplers.ts";
import type { TokenEngine, TokenEvent, TokenRequest } from "../../adapters/token-engine.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { ask as chatRequest, askTokens, tinyModel } from "../support/models.ts";
import { answerOf, bytePrompt, byteTokens } from "../support/token-answers.ts";

const never = new AbortController().signal;
let model: InstalledModel;
let engine: TokenEngine;
beforeAll(async () => {
  model = await tinyModel();
  engine = await nodeLlamaCpp().load(model, { slots: 2, context: 512 }, never);
});
afterAll(() => engine.close());
const ask = (more: Partial<TokenRequest> = {}) => answerOf(engine, askTokens(bytePrompt("hello"), { max_tokens: 24, ...more }));

describe("logprobs", () => {
  /** Of the whole vocabulary behind these tokens, by a computation of its own. */
  const directLogprobs = async (tokens: readonly number[]): Promise<number[]> => {
    const llama = await getLlama({ gpu: false, build: "never", progressLogs: false, logLevel: LlamaLogLevel.error });
    const loaded = await llama.loadModel({ modelPath: model.path });
    const context = await loaded.createContext({ contextSize: 512, sequences: 1, threads: 1 });
    const addon = addonOf(llama, loaded, context);
    const native = addon.context as unknown as {
      sampleToken(index: number, sampler: unknown, ...more: boolean[]): Promise<[number, undefined, undefined, number[]]>;
    };
    addon.context.initBatch(tokens.length);
    const [index] = addon.context.addToBatch(0, 0, Uint32Array.from(tokens), Uint32Array.of(tokens.length - 1));
    await addon.context.decodeBatch();
    const sampler = addon.newSampler({ ...samplerConfig(askTokens(tokens), { max_tokens: 1, context_length: 512 }) });
    const [, , , flat] = await native.sampleToken(index!, sampler, false, false, true, false);
    const logits = new Map(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]));
    const total = [...logits.values()].reduce((sum, logit) => sum + Math.exp(logit), 0);
    await llama.dispose();
    return Array.from(logits.keys(), (_, token) => logits.get(token)! - Math.log(total));
  };

  test("are those before samplers, bias and grammar, with the likeliest rivals", async () => {
    const prompt = bytePrompt("hello");
    const direct = await directLogprobs(prompt);
    const ranked = direct.map((logprob, token) => ({ logprob, token })).sort((a, b) => b.logprob - a.logprob);
    const x = byteTokens("x")[0]!;
    for (const more of [{}, { temperature: 1.5, logit_bias: { [x]: 100 } }, { grammar: 'root ::= "x"' }]) {
      const { logprobs, text } = await ask({ max_tokens: 1, logprobs: { top: 20 }, ...more });
      const [{ logprob, top_logprobs }] = logprobs as [(typeof logprobs)[0]];
      if (text !== "") expect(logprob).toBeCloseTo(text === "x" ? direct[x]! : ranked[0]!.logprob, 3);
      expect(top_logprobs).toHaveLength(20);
      top_logprobs!.forEach((rival, i) => expect(rival.logprob).toBeCloseTo(ranked[i]!.logprob, 3));
    }
  });

  test("of a token that is unlikely are right as well", async () => {
    const direct = await directLogprobs(bytePrompt("hello"));
    const order = direct.map((logprob, token) => ({ logprob, token })).sort((a, b) => a.logprob - b.logprob);
    const rare = order.find(({ token }) => token >= byteTokens("!")[0]! && token <= byteTokens("~")[0]!)!;
    const { logprobs } = await ask({ max_tokens: 1, logprobs: { top: 0 }, logit_bias: { [rare.token]: 100 } });
    expect(logprobs).toEqual([
      {
        token: String.fromCharCode(rare.token - 3),
        bytes: [rare.token - 3],
        logprob: expect.closeTo(rare.logprob, 3),
        top_logprobs: [],
      },
    ]);
  });

  test("of a character that has several tokens come with it, each with its own bytes", async () => {
    const request = askTokens(bytePrompt("hello"), { grammar: 'root ::= "🦊!"', logprobs: { top: 1 } });
    const events: TokenEvent[] = [];
    for await (const event of engine.generate(request, never)) events.push(event);
    const texts = events.flatMap((event) => (event.type === "text" ? [event] : []));
    expect(texts.map(({ text, logprobs }) => [text, logprobs!.map(({ bytes }) => bytes)])).toEqual([
      ["🦊", [[240], [159], [166], [138]]],
      ["!", [[33]]],
    ]);
    const of_rivals = texts[0]!.logprobs![0]!.top_logprobs![0]!;
    expect(of_rivals.bytes === null || of_rivals.bytes.length > 0).toBe(true);
  });

  test("leave out the tokens of a stop string, and come in whole tokens", async () => {
    const grammar = 'root ::= "ab" "cde"';
    const { text, logprobs } = await ask({ grammar, stop: ["cd"], logprobs: { top: 0 } });
    expect([text, logprobs.map(({ token }) => token).join("")]).toEqual(["ab", "ab"]);
    const begun = await ask({ grammar, stop: ["ef"], logprobs: { top: 0 } });
    expect(begun.logprobs.map(({ token }) => token).join("")).toBe("abcde");
  });

  test("change nothing of the text", async () => {
    const [plain, with_logprobs] = [await ask(), await ask({ logprobs: { top: 5 } })];
    expect(with_logprobs.text).toBe(plain.text);
    const bytes = with_logprobs.logprobs.flatMap((token) => token.bytes ?? []);
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(plain.text);
  });
});

describe("a bias", () => {
  test("makes a token sure, or keeps it away", async () => {
    const z = byteTokens("z")[0]!;
    expect((await ask({ logit_bias: { [z]: 100 } })).text).toBe("z".repeat(24));
    const { text } = await ask({ max_tokens: 1 });
    const banned = byteTokens(text)[0]!;
    expect((await ask({ max_tokens: 1, logit_bias: { [banned]: -100 } })).text).not.toBe(text);
  });

  test("of a token that the model does not have is refused with its name", async () => {
    for (const id of ["268", "999999999999", "x", "-1"]) {
      const message = `"logit_bias" names the token ${id}, and the model has the tokens 0 to 267.`;
      await expect(ask({ logit_bias: { [id]: 1 } })).rejects.toMatchObject({
        code: "request_refused",
        param: "logit_bias",
        message,
      });
    }
  });

  test("that bans everything is refused, and the next one works", async () => {
    const logit_bias = Object.fromEntries(Array.from({ length: 268 }, (_, token) => [token, -100]));
    for (const more of [{}, { temperature: 1 }]) {
      await expect(ask({ logit_bias, ...more })).rejects.toMatchObject({ code: "request_refused", param: "logit_bias" });
    }
    expect((await ask()).text).not.toBe("");
  });
});

describe("samplers", () => {
  const repeats = (text: string): number => text.length - new Set(text).size;
  const z = byteTokens("z")[0]!;

  test("that are honoured change the answer", async () => {
    const loop = { logit_bias: { [z]: 12 }, max_tokens: 40 };
    const plain = await ask(loop);
    expect(plain.text).toBe("z".repeat(40));
    const dry = await ask({ ...loop, samplers: { dry_multiplier: 4, dry_allowed_length: 1, dry_sequence_breakers: ["\n"] } });
    expect(repeats(dry.text)).toBeLessThan(repeats(plain.text));
    const xtc = { temperature: 1, logit_bias: { [z]: 3, [z - 1]: 3 }, max_tokens: 40, seed: 3 };
    const [with_xtc, without] = [await ask({ ...xtc, samplers: { xtc_probability: 1, xtc_threshold: 0.02 } }), await ask(xtc)];
    expect(with_xtc.text).not.toBe(without.text);
    const endless = await ask({ logit_bias: { 2: 100 }, samplers: { ignore_eos: true } });
    expect([(await ask({ logit_bias: { 2: 100 } })).finish.reason, endless.finish.reason]).toEqual(["stop", "length"]);
  });

  test("look back into the prompt where repeat_last_n says so", async () => {
    const prompt = bytePrompt("zzzz");
    const more = { logit_bias: { [z]: 4 }, presence_penalty: 2, frequency_penalty: 2, max_tokens: 1 };
    const first = async (samplers?: object) =>
      (await answerOf(engine, askTokens(prompt, { ...more, ...(samplers && { samplers }) } as never))).text;
    expect([await first(), await first({ repeat_last_n: 0 })]).toEqual(["z", "z"]);
    expect(await first({ repeat_last_n: -1 })).not.toBe("z");
  });

  test.each([
    ["presence_penalty", { presence_penalty: 1 }],
    ["frequency_penalty", { frequency_penalty: 0.3 }],
    ["repeat_penalty", { repeat_penalty: 1.3 }],
    ["DRY", { samplers: { dry_multiplier: 1, dry_allowed_length: 1, dry_sequence_breakers: ["!"] } }],
    ["DRY and others", { presence_penalty: 1, samplers: { dry_multiplier: 1, dry_allowed_length: 1, xtc_probability: 0 } }],
  ])("count what an earlier phase of the answer has said: %s", async (_name, settings) => {
    const [y, x, w] = byteTokens("yxw") as [number, number, number];
    const more = { ...settings, logit_bias: { [z]: 14, [y]: 13.5, [x]: 13, [w]: 12.5 } };
    const prompt = bytePrompt("hello");
    for (const grammar of [undefined, "root ::= [w-z]*"]) {
      const said = { ...more, ...(grammar && { grammar }) };
      const { text } = await answerOf(engine, askTokens(prompt, { ...said, max_tokens: 24 }));
      expect(text).toMatch(/^[w-z]{24}$/);
      const later = [...prompt, ...byteTokens(text.slice(0, 12))];
      const goOn = async (answered?: number) =>
        (await answerOf(engine, askTokens(later, { ...said, max_tokens: 12, ...(answered && { answered }) }))).text;
      expect([await goOn(12), (await goOn()) === text.slice(12)]).toEqual([text.slice(12), false]);
    }
  });

  test("run as they are listed: what is left out is off", async () => {
    const settings = { max_tokens: 9, context_length: 512 };
    const request = askTokens([1], { temperature: 0.5, top_k: 40, top_p: 0.9, min_p: 0.1, repeat_penalty: 1.3, seed: 5 });
    expect(samplerConfig(request, settings)).toMatchObject({
      temperature: 0.5,
      topK: 40,
      topP: 0.9,
      minP: 0.1,
      repeatPenalty: 1.3,
    });
    const few = samplerConfig({ ...request, samplers: { samplers: ["top_k", "temperature"] } }, settings);
    expect(few).toMatchObject({ temperature: 0.5, topK: 40, topP: 1, minP: 0, repeatPenalty: 1 });
    expect(samplerConfig({ ...request, samplers: { samplers: [] } }, settings)).toMatchObject({ temperature: 1, topP: 1 });
    // A native top_k of 0 sorts the whole vocabulary for each token.
    expect("topK" in samplerConfig({ ...request, top_k: 0 }, settings)).toBe(false);
    expect(samplerConfig({ ...request, samplers: { dry_multiplier: 1 } }, settings)).toMatchObject({
      ...{ dryRepeatPenaltyStrength: 1, dryRepeatPenaltyBase: 1.75, dryRepeatPenaltyAllowedLength: 2 },
      ...{ dryRepeatPenaltyLastTokens: 512, dryRepeatPenaltySequenceBreakers: ["\n", ":", '"', "*"] },
    });
  });

  const refusalOf = (more: Partial<TokenRequest>): string | undefined => {
    try {
      checkSamplers(askTokens([1], { temperature: 0.5, top_k: 40, ...more }));
      return undefined;
    } catch (error) {
      const { code, param, message } = error as { code: string; param: string; message: string };
      expect([code, message]).toEqual(["request_unsupported", expect.stringContaining(`"${param}"`)]);
      return param;
    }
  };

  test("that the native sampler has not are refused by name, unless they are off", async () => {
    const refused = {
      mirostat: 2,
      typical_p: 0.9,
      dynatemp_range: 0.5,
      top_n_sigma: 1,
      min_keep: 5,
      dry_multiplier: -1,
    };
    for (const [name, value] of Object.entries(refused))
      expect([name, refusalOf({ samplers: { [name]: value } })]).toEqual([name, name]);
    const off = {
      mirostat: 0,
      mirostat_tau: 5,
      mirostat_eta: 0.1,
      typical_p: 1,
      dynatemp_range: 0,
      top_n_sigma: -1,
      min_keep: 0,
    };
    expect(refusalOf({ samplers: off })).toBeUndefined();
    for (const name of HONOURED_SAMPLERS) expect(name in SAMPLERS).toBe(true);
    const request = { ...chatRequest("hello"), samplers: { mirostat: 1 } };
    expect(() => ABOUT.checkRequest(request)).toThrow(/"mirostat" is not supported by the embedded engine/);
    expect(() => ABOUT.checkRequest({ ...request, samplers: { repeat_last_n: 5 } })).not.toThrow();
  });

  test("in another order than their own are refused, where each of them is on", () => {
    expect(refusalOf({ samplers: { samplers: ["temperature", "top_k"] } })).toBe("samplers");
    expect(refusalOf({ samplers: { samplers: ["top_k", "top_k"] } })).toBe("samplers");
    expect(refusalOf({ samplers: { samplers: ["typ_p", "temperature", "min_p", "xtc", "dry"] } })).toBeUndefined();
    expect(refusalOf({ temperature: 1, samplers: { samplers: ["temperature", "top_k"] } })).toBeUndefined();
  });

  test("are reproduced by their seed, the largest as well", async () => {
    for (const seed of [0, 7, 2 ** 32 - 1]) {
      const hot = { temperature: 2, seed, samplers: { xtc_probability: 0.5, xtc_threshold: 0.01 } };
      expect((await ask(hot)).text).toBe((await ask(hot)).text);
    }
    const one = await ask({ temperature: 2, seed: 1 });
    expect((await ask({ temperature: 2, seed: 2 })).text).not.toBe(one.text);
    const greedy = { samplers: { xtc_probability: 0.5, xtc_threshold: 0.001 } };
    expect((await ask({ ...greedy, seed: 1 })).text).toBe((await ask({ ...greedy, seed: 2 })).text);
  });
});
