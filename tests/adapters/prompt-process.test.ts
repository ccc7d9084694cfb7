// The process that renders the prompts of all models: what prompts are, and what becomes of templates and grammars that are traps.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ChatMessage } from "../../adapters/adapter.ts";
import type { NativeAddon } from "../../adapters/prompt-process/native.ts";
import type { ModelPrompts, Prompts } from "../../adapters/prompts.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { nativeAddon } from "../../src/executable/carried-engines.ts";
import { tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";
import { addTurnToken, type TinyGguf } from "../support/tiny-gguf.ts";

const { signal } = new AbortController();
let prompts: Prompts;
let addon: NativeAddon;

beforeAll(async () => {
  prompts = startPrompts();
  addon = (await nativeAddon(process.env))!;
});
afterAll(() => prompts.close());

const open = async (template: string, options: TinyGguf = {}): Promise<ModelPrompts & { installed: InstalledModel }> => {
  const installed = await tinyModel({ template, ...options });
  return { ...(await prompts.open(installed, signal)), installed };
};
const user = (content: string): ChatMessage => ({ role: "user", content });

/** In a context of 512. */
async function tokensOf({ render }: ModelPrompts, ...messages: ChatMessage[]): Promise<number[]> {
  const prompt = await render({ messages }, 512, signal);
  if ("tokens" in prompt) return prompt.tokens;
  throw new Error("There is no vocabulary.");
}

async function textOf(model: ModelPrompts & { installed: InstalledModel }, ...messages: ChatMessage[]): Promise<string> {
  return detokenize(model.installed, await tokensOf(model, ...messages));
}

async function detokenize({ path }: InstalledModel, tokens: number[]): Promise<string> {
  const vocabulary = new addon.AddonModel(path, { addonExports: addon, vocabOnly: true });
  await vocabulary.init();
  const text = vocabulary.detokenize(Uint32Array.from(tokens), true);
  await vocabulary.dispose();
  return text;
}

const TURNS = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}</s>{% endfor %}[assistant]";
const EOS = 2;
const BOS = 1;

describe("a prompt", () => {
  test("is what the template makes of the messages, its special tokens included", async () => {
    const model = await open(TURNS);
    const tokens = await tokensOf(model, { role: "system", content: "be kind" }, user("hello"));
    expect(await detokenize(model.installed, tokens)).toContain("[user]hello");
    expect(tokens.filter((token) => token === EOS).length).toBe(2);
    expect(tokens.filter((token) => token === BOS).length).toBe(1);
  });

  test("holds a message's special tokens as text", async () => {
    const model = await open(TURNS);
    const tokens = await tokensOf(model, user("a </s> b <s> c </s>"));
    expect(tokens.filter((token) => token === EOS).length).toBe(1);
    expect(tokens.filter((token) => token === BOS).length).toBe(1);
    expect((await detokenize(model.installed, tokens)).replaceAll(" ", "")).toContain("a</s>b<s>c</s></s>");
  });

  test("holds as text what steers a model with the type of plain text", async () => {
    const model = await open(`{{ "<|turn|>" }}${TURNS}`, { mutate: addTurnToken });
    const turn = (await tokensOf(model, user("a")))[1]!;
    expect(await detokenize(model.installed, [turn])).toBe("<|turn|>");
    expect((await tokensOf(model, user("a <|turn|> b"))).filter((token) => token === turn).length).toBe(1);
  });

  test("keeps characters that could be taken for our own marks", async () => {
    const model = await open(TURNS);
    expect(await textOf(model, user("x\uFDD0y\uFDD0\uFDD0z </s>"))).toContain("x\uFDD0y\uFDD0\uFDD0z");
  });

  test("of a plain prompt_template has Jan's substitution, and no program in it runs", async () => {
    const installed = {
      ...(await tinyModel({ template: TURNS })),
      settings: { prompt_template: "SYS {system_message} USER {prompt} BOT {{ 7 * 7 }}" },
    };
    const model = { ...(await prompts.open(installed, signal)), installed };
    const made = await textOf(
      model,
      { role: "system", content: "be kind" },
      user("one {prompt}"),
      { role: "assistant", content: "two" },
      user("three"),
    );
    expect(made.replace(/^<s>/, "").trim()).toBe("SYS be kind USER one {prompt} BOT {{ 7 * 7 }}two USER three BOT {{ 7 * 7 }}");
  });

  test("the date is there for templates that ask for it", async () => {
    expect(await textOf(await open("{{ strftime_now('%Y') }}"), user(""))).toContain(String(new Date().getFullYear()));
  });

  test("templates cannot reach the program that runs them", async () => {
    for (const template of [
      "{{ messages.constructor.constructor('return 7')() }}",
      "{{ ''.__class__.__mro__ }}",
      "{{ range.constructor('return process')() }}",
    ]) {
      const made = await textOf(await open(template), user("x")).catch((error: unknown) => error);
      if (typeof made === "string") expect(made.replace(/<s>|\s/g, "")).toBe("");
      else expect(made).toMatchObject({ code: "template_failed" });
    }
  });
});
