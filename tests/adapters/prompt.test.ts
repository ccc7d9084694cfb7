import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { getLlama, type Llama, type LlamaModel, type Token } from "node-llama-cpp";
import { createPromptTokenizer } from "../../adapters/node-llama-cpp/prompt.ts";
import { createTokenDecoder } from "../../adapters/node-llama-cpp/token-decoder.ts";
import { tinyModel } from "../support/models.ts";
import { addTurnToken, type TinyGguf } from "../support/tiny-gguf.ts";

let llama: Llama;
const loaded: LlamaModel[] = [];
const load = async (template: string, options: TinyGguf = {}): Promise<LlamaModel> => {
  const model = await llama.loadModel({ modelPath: (await tinyModel({ template, ...options })).path });
  loaded.push(model);
  return model;
};

beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false });
});
afterAll(async () => {
  for (const model of loaded) await model.dispose();
  await llama.dispose();
});

const TURNS = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}</s>{% endfor %}[assistant]";
const text = (model: LlamaModel, tokens: number[]): string => model.detokenize(tokens as Token[], true);
const EOS = 2;
const BOS = 1;

describe("a prompt", () => {
  test("is what the template makes of the messages, its special tokens included", async () => {
    const model = await load(TURNS);
    const tokens = createPromptTokenizer(
      model,
      undefined,
    )([
      { role: "system", content: "be kind" },
      { role: "user", content: "hello" },
    ]);
    expect(text(model, tokens)).toContain("[user] hello".replace(" ", ""));
    expect(tokens.filter((token) => token === EOS).length).toBe(2);
    expect(tokens.filter((token) => token === BOS).length).toBe(1);
  });

  test("holds a message's special tokens as text", async () => {
    const model = await load(TURNS);
    const tokens = createPromptTokenizer(model, undefined)([{ role: "user", content: "a </s> b <s> c </s>" }]);
    expect(tokens.filter((token) => token === EOS).length).toBe(1);
    expect(tokens.filter((token) => token === BOS).length).toBe(1);
    expect(text(model, tokens).replaceAll(" ", "")).toContain("a</s>b<s>c</s></s>");
  });

  test("holds as text what steers a model with the type of plain text", async () => {
    const model = await load(TURNS, { mutate: addTurnToken });
    const [turn] = model.tokenize("<|turn|>", false);
    expect(model.detokenize([turn!], true)).toBe("<|turn|>");
    expect(createPromptTokenizer(model, undefined)([{ role: "user", content: "a <|turn|> b" }])).not.toContain(turn!);
  });

  test("keeps characters that could be taken for our own marks", async () => {
    const model = await load(TURNS);
    const content = "x\uFDD0y\uFDD0\uFDD0z </s>";
    expect(text(model, createPromptTokenizer(model, undefined)([{ role: "user", content }]))).toContain("x\uFDD0y\uFDD0\uFDD0z");
  });

  test("of a plain prompt_template has Jan's substitution, and no program in it runs", async () => {
    const model = await load(TURNS);
    const make = createPromptTokenizer(model, "SYS {system_message} USER {prompt} BOT {{ 7 * 7 }}");
    const made = text(
      model,
      make([
        { role: "system", content: "be kind" },
        { role: "user", content: "one {prompt}" },
        { role: "assistant", content: "two" },
        { role: "user", content: "three" },
      ]),
    );
    expect(made.replace(/^<s>/, "").trim()).toBe("SYS be kind USER one {prompt} BOT {{ 7 * 7 }}two USER three BOT {{ 7 * 7 }}");
  });

  test("the date is there for templates that ask for it", async () => {
    const model = await load("{{ strftime_now('%Y') }}");
    expect(text(model, createPromptTokenizer(model, undefined)([{ role: "user", content: "" }]))).toContain(
      String(new Date().getFullYear()),
    );
  });

  test("templates cannot reach the program that runs them", async () => {
    for (const template of [
      "{{ messages.constructor.constructor('return 7')() }}",
      "{{ ''.__class__.__mro__ }}",
      "{{ range.constructor('return process')() }}",
    ]) {
      const model = await load(template);
      let made = "";
      try {
        made = text(model, createPromptTokenizer(model, undefined)([{ role: "user", content: "x" }]));
      } catch (error) {
        expect(error).toMatchObject({ code: "template_failed" });
      }
      expect(made.replace(/<s>|\s/g, "")).toBe("");
    }
  });
});

describe("the text of tokens", () => {
  /** One token a byte. */
  const bytes = (tokens: readonly number[]): string => new TextDecoder().decode(Uint8Array.from(tokens));

  test("comes in whole characters, however they are spread over tokens", () => {
    const whole = "aü漢😀 👩‍👩‍👧 z".repeat(9);
    const decoder = createTokenDecoder(bytes, [104, 105]);
    const pieces = [...new TextEncoder().encode(whole)].map((byte) => decoder.push(byte));
    expect(pieces.join("")).toBe(whole);
    for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
    expect(pieces.join("")).not.toContain("\uFFFD");
  });

  test("shows bytes that are no UTF-8 as such, and goes on", () => {
    const decoder = createTokenDecoder(bytes, []);
    const pieces = [65, 0x80, 0xff, 66, 0xe2, 0x82, 67].map((byte) => decoder.push(byte));
    expect(pieces.join("")).toBe("A\uFFFD\uFFFDB\uFFFDC");
  });

  test("a character that is never completed stays back", () => {
    const decoder = createTokenDecoder(bytes, []);
    expect([65, 0xe2, 0x82].map((byte) => decoder.push(byte)).join("")).toBe("A");
    expect(decoder.flush()).toBe("\uFFFD");
  });
});
