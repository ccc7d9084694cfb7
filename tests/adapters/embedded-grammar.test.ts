// Grammars on the embedded engine. llama.cpp ends the process at a token that does not fit, so most of these tests would end this one.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import type { TokenEngine, TokenRequest } from "../../adapters/token-engine.ts";
import { askTokens, tinyModel } from "../support/models.ts";
import { realModel } from "../support/real-model.ts";
import { startPrompts } from "../support/prompts.ts";
import { answerOf, bytePrompt, byteTokens } from "../support/token-answers.ts";

const never = new AbortController().signal;
const errorOf = (promise: Promise<unknown>) => promise.then(String, (error: { code: string }) => error.code);

describe("the tiny model", () => {
  let engine: TokenEngine;
  beforeAll(async () => {
    engine = await nodeLlamaCpp().load(await tinyModel(), { slots: 2, context: 512 }, never);
  });
  afterAll(() => engine.close());
  const ask = (grammar: string, more: Partial<TokenRequest> = {}) =>
    answerOf(engine, askTokens(bytePrompt("hello"), { max_tokens: 40, grammar, ...more }));

  const GRAMMARS: Record<string, RegExp> = {
    '"yes" | "no"': /^(yes|no)$/,
    "[a-c]{3}": /^[a-c]{3}$/,
    "[0-9]{1,4}": /^\d{1,4}$/,
    '"{" [a-z]* "}"': /^\{[a-z]*\}?$/,
    '"é" "ü"': /^éü$/,
    '"🦊"': /^🦊$/,
    "[α-ω]{2}": /^[α-ω]{2}$/,
    '[^a-z]{2} "x"': /^[^a-z]{2}x$/u,
    '("ab" | "ac") "d"': /^a[bc]d$/,
    '"a"? "b"+ "c"': /^a?b+c?$/,
    '"\\n" "\\t" "\\\\"': /^\n\t\\$/,
    '"hello" " world"': /^hello world$/,
    '" hello"': /^ hello$/,
    '"<unk>"': /^<unk>$/,
    '"</s>"': /^<\/s>$/,
    '"<0x41>"': /^<0x41>$/,
    "x y\nx ::= [xX]\ny ::= [yY] | x": /^[xX]([yY]|[xX])$/,
    'item ("," item){2}\nitem ::= "-"? [1-9]': /^-?\d,-?\d,-?\d$/,
    "[ab] [cd]": /^[ab][cd]$/,
    '"a" "b"': /^ab$/,
  };

  test("writes texts of twenty grammars, greedily and not, to their end", async () => {
    for (const [grammar, text] of Object.entries(GRAMMARS)) {
      const root = `root ::= ${grammar}`;
      for (const more of [{}, { temperature: 1.5, seed: 7 }]) expect((await ask(root, more)).text).toMatch(text);
    }
    const { finish } = await ask('root ::= "yes"');
    expect(finish).toMatchObject({ reason: "stop", usage: { completion_tokens: 4 } });
    expect(finish.stopped_by).toBeUndefined();
  });

  test("is cut by the limit of tokens, and by a stop string", async () => {
    expect(await ask('root ::= "a" root | "b"', { max_tokens: 5, logit_bias: { [byteTokens("b")[0]!]: -100 } })).toMatchObject({
      text: "aaaaa",
      finish: { reason: "length" },
    });
    expect(await ask('root ::= "abcdef"', { stop: ["cd"] })).toMatchObject({
      text: "ab",
      finish: { reason: "stop", stopped_by: "cd" },
    });
  });

  test("refuses what cannot be parsed, and the next request works", async () => {
    for (const grammar of ["root ::= [a", 'x ::= "a"', "root ::= x", 'root ::= root "a"', ""]) {
      const refusal = ask(grammar);
      await expect(refusal).rejects.toMatchObject({ code: "request_refused", param: "grammar" });
    }
    expect((await ask('root ::= "a"')).text).toBe("a");
  });

  test("fails where no token goes on with the text, whatever the sampling, and others go on", async () => {
    const other = answerOf(engine, askTokens(bytePrompt("hello"), { max_tokens: 60 }));
    for (const more of [
      {},
      { temperature: 1, top_k: 40, top_p: 0.9 },
      { temperature: 1, min_p: 0.1 },
      { logprobs: { top: 3 } },
    ]) {
      expect(await errorOf(ask('root ::= "a" [z-a] "b"', more))).toBe("generation_failed");
    }
    const alone = await answerOf(engine, askTokens(bytePrompt("hello"), { max_tokens: 60 }));
    expect((await other).text).toBe(alone.text);
  });

  test("has what the bias bans where the grammar allows nothing else, however it is sampled", async () => {
    const [x, y] = byteTokens("xy");
    for (const more of [{}, { temperature: 1 }, { temperature: 1, top_k: 5 }, { repeat_penalty: 1.5 }]) {
      expect((await ask('root ::= [xy] "c"', { logit_bias: { [x!]: -100, [y!]: -100 }, ...more })).text).toMatch(/^[xy]c$/);
      expect((await ask('root ::= [xy] "c"', { logit_bias: { [x!]: -100 }, ...more })).text).toBe("yc");
    }
  });

  test("is refused where the bias bans every token, and the next request works", async () => {
    const logit_bias = Object.fromEntries(Array.from({ length: 268 }, (_, token) => [token, -100]));
    for (const temperature of [0, 1]) {
      expect(await errorOf(ask('root ::= "a"', { logit_bias, temperature }))).toBe("request_refused");
    }
    expect((await ask('root ::= "a"')).text).toBe("a");
  });

  test("ends a whole text although no end may come, and goes on where it can", async () => {
    for (const never_ends of [{ samplers: { ignore_eos: true } }, { logit_bias: { 2: -100 } }]) {
      expect(await ask('root ::= "ab"', never_ends)).toMatchObject({ text: "ab", finish: { reason: "stop" } });
      const going = await ask("root ::= [ab]*", { ...never_ends, max_tokens: 12 });
      expect(going).toMatchObject({ text: expect.stringMatching(/^[ab]{12}$/), finish: { reason: "length" } });
    }
  });

  test("shows a special token of its grammar where that is asked for, and spells it else", async () => {
    const spelt = await ask('root ::= "a" "<s>" "b"');
    expect([spelt.text, spelt.finish.usage.completion_tokens]).toEqual(["a<s>b", 6]);
    const shown = await ask('root ::= "a" "<s>" "b"', { shown_tokens: ["<s>"], logit_bias: { 1: 100 } });
    expect([shown.text, shown.finish.usage.completion_tokens]).toEqual(["a<s>b", 4]);
  });

  test("goes on in the choices of a request, each with its own state", async () => {
    const events = engine.generate(
      askTokens(bytePrompt("hello"), { grammar: 'root ::= [a-z]{6} "." ', choices: 2, temperature: 2, max_tokens: 20 }),
      never,
    );
    const texts = ["", ""];
    for await (const event of events) if (event.type === "text") texts[event.choice!] += event.text;
    for (const text of texts) expect(text).toMatch(/^[a-z]{6}\.$/);
    expect(texts[0]).not.toBe(texts[1]);
  });
});

describe("the real model", () => {
  const prompts = startPrompts();
  let engine: TokenEngine;
  let prompt: readonly number[];
  beforeAll(async () => {
    const model = await realModel();
    engine = await nodeLlamaCpp().load(model, { slots: 1, context: 512 }, never);
    const opened = await prompts.open(model, never);
    prompt = (await opened.tokenize("<|im_start|>user\nDescribe a cat as JSON.<|im_end|>\n<|im_start|>assistant\n", never))!;
  });
  afterAll(async () => {
    await engine.close();
    await prompts.close();
  });

  test("writes JSON of a grammar, whose special tokens are spelt", async () => {
    const grammar = String.raw`root ::= "{\"name\":" [ ]? "\"" [a-zA-Z ]{1,12} "\"," [ ]? "\"age\":" [ ]? [1-9] [0-9]? "," [ ]? "\"end\":\"<|im_start|>\"}"`;
    const { text, finish } = await answerOf(engine, askTokens(prompt, { max_tokens: 60, grammar, temperature: 0.7 }));
    expect(JSON.parse(text)).toMatchObject({ name: expect.any(String), age: expect.any(Number), end: "<|im_start|>" });
    expect(finish.reason).toBe("stop");
  });

  test("fails at a dead end in the middle of a text", async () => {
    const dead = answerOf(engine, askTokens(prompt, { max_tokens: 30, grammar: 'root ::= "The cat" [z-a]' }));
    expect(await errorOf(dead)).toBe("generation_failed");
  });
});
