// What llama-server makes of a conversation with the template of a model is made of it here, for the templates of llama.cpp's own tests:
// what it takes is taken, and the prompt is the same. What it refuses is taken as well.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import * as v from "valibot";
import type { ChatMessage } from "../../adapters/adapter.ts";
import { imageChatBody } from "../../adapters/llama-server/image-chat-body.ts";
import type { NativeAddon, NativeVocabulary } from "../../adapters/prompt-process/native.ts";
import type { ModelPrompts, PromptRequest } from "../../adapters/prompts.ts";
import { fitMessages } from "../../adapters/shared/fit-messages/fit-messages.ts";
import { Message } from "../../src/api/chat/messages.ts";
import { nativeAddon } from "../../src/executable/carried-engines.ts";
import { startBareServer } from "../support/bare-server.ts";
import { type ConversationShape, SHAPES, TEXTS } from "../support/conversation-shapes.ts";
import { llamaCppModels } from "../support/llama-cpp-models.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { ask, tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";

const { path, skip } = await realServer();
const { root, templates, vocabularies } = llamaCppModels();
const prompts = startPrompts();
afterAll(() => {
  rmSync(root, { recursive: true });
  return prompts.close();
});
const { signal } = new AbortController();

/** Prompts that differ although each has all texts of the conversation: why. */
const DIFFERENT: Record<string, Record<string, string>> = {
  "google-gemma-2-2b-it": everyShape(/rule at the end/, "the template writes a role that the model does not know"),
  "Mistral-Small-3.2-24B-Instruct-2506": everyShape(
    /rule at the end/,
    "the template takes a rule for an answer there, and nowhere else",
  ),
  "google-gemma-4-31B-it": everyShape(/parts everywhere/, "the template writes the parts of a rule as Python would"),
  "google-gemma-4-31B-it-interleaved": {
    ...everyShape(/parts everywhere/, "the template writes the parts of a rule as Python would"),
    ...everyShape(/call|tool (that|with)/, "llama.cpp gives this template the answers of tools in a field of its own"),
  },
  "StepFun3.5-Flash": everyShape(/spaces/, "llama.cpp takes the spaces around all texts away"),
  "openbmb-MiniCPM5-1B": everyShape(/object in an object/, "the template drops objects within arguments, so they are texts here"),
  "meetkai-functionary-medium-v3.2": everyShape(/an empty text/, "an empty text is a call without arguments"),
};

const BEGUN = /that was begun/;
const MARKS = "llama.cpp writes marks of thoughts around nothing, which the template itself writes nowhere";
const SPACES = "llama.cpp writes marks of thoughts with other white space than the template";
for (const [reason, names] of Object.entries({
  [MARKS]: [
    ...["LFM2.5-Instruct", "LFM2-8B-A1B", "ibm-granite-granite-3.3-2B-Instruct", "unsloth-mistral-Devstral-Small-2507"],
    ...["HuggingFaceTB-SmolLM3-3B", "Kimi-K2-Instruct", "moonshotai-Kimi-K2", "google-gemma-4-31B-it"],
    ...["google-gemma-4-31B-it-interleaved", "CohereForAI-c4ai-command-r7b-12-2024-tool_use"],
  ],
  [SPACES]: [
    ...["poolside-Laguna-XS.2", "poolside-Laguna-XS-2.1", "StepFun3.5-Flash", "NVIDIA-Nemotron-Nano-v2", "GLM-4.6"],
    ...["NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "deepseek-ai-DeepSeek-V4", "deepseek-ai-DeepSeek-V4-Flash-0731"],
  ],
  "llama.cpp writes the mark of thoughts twice": ["llama-cpp-rwkv-world"],
  "llama.cpp cuts the beginning of an answer amid a mark": ["microsoft-Phi-3.5-mini-instruct"],
  "llama.cpp leaves out the mark of a text": ["upstage-Solar-Open-100B"],
  "the template describes its calls in the beginning of an answer": ["CohereForAI-c4ai-command-r-plus-tool_use"],
})) {
  for (const name of names) DIFFERENT[name] = { ...DIFFERENT[name], ...everyShape(BEGUN, reason) };
}

DIFFERENT["Kimi-K2-Thinking"] = everyShape(/begun with a thought/, "the template writes no thoughts beside a text");
for (const name of ["deepseek-ai-DeepSeek-V3.1", "deepseek-ai-DeepSeek-V3.2", "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B"])
  DIFFERENT[name] = everyShape(/begun behind a call/, MARKS);

function everyShape(names: RegExp, reason: string): Record<string, string> {
  return Object.fromEntries(Object.keys(SHAPES).flatMap((name) => (names.test(name) ? [[name, reason]] : [])));
}

const LOADED = { context_length: 512, vocab_size: 269 };

describe.skipIf(path === undefined)(`the templates of llama.cpp${skip ? ` (skipped: ${skip})` : ""}`, () => {
  let addon: NativeAddon;
  let vocabulary: NativeVocabulary;

  beforeAll(async () => {
    addon = (await nativeAddon(process.env))!;
    vocabulary = new addon.AddonModel((await tinyModel()).path, { addonExports: addon, vocabOnly: true });
    await vocabulary.init();
  });
  afterAll(() => vocabulary.dispose());

  test("are 70", () => {
    expect(templates.length).toBe(70);
  });

  for (const { name, source } of templates) {
    test(name, async () => {
      const installed = await tinyModel({ template: source });
      const [server, model] = await Promise.all([startBareServer(path!, installed.path), prompts.open(installed, signal)]);
      const differences: Record<string, unknown> = {};
      for (const [shape, conversation] of Object.entries(SHAPES)) {
        const difference = await compare(server, model, conversation);
        if (difference !== undefined && DIFFERENT[name]?.[shape] === undefined) differences[shape] = difference;
      }
      await server.kill();
      model.close();
      expect(differences).toEqual({});
    });
  }

  /** Undefined where the prompts are the same, where llama-server has none, and where texts of the conversation are not in its prompt. */
  async function compare(
    server: Awaited<ReturnType<typeof startBareServer>>,
    model: ModelPrompts,
    conversation: ConversationShape,
  ): Promise<unknown> {
    const request = { ...conversation, messages: v.parse(v.array(Message), conversation.messages) } as PromptRequest;
    const rendered = await model.render(request, 131_072, signal).catch((error: Error) => error.message);
    if (typeof rendered === "string") return { refused: rendered };
    const { tokens } = rendered as { tokens: number[] };
    const { prompt } = (await server.post("/apply-template", { messages: conversation.messages, tools: conversation.tools })) as {
      prompt?: string;
    };
    if (prompt === undefined) return refusalOfFitting(server, model, request);
    if (conversation.own_prompt !== undefined) return undefined;
    if (Buffer.from(Uint32Array.of(...tokens)).equals(Buffer.from(tokenize(prompt)))) return undefined;
    const made = vocabulary.detokenize(Uint32Array.from(tokens), true);
    const texts = JSON.stringify(conversation.messages).match(TEXTS) ?? [];
    return texts.some((text) => !prompt.includes(text) && made.includes(text)) ? undefined : { made, expected: prompt };
  }

  /** llama-server's chat route takes the messages as they are sent there. */
  async function refusalOfFitting(
    server: Awaited<ReturnType<typeof startBareServer>>,
    { template: { forms } }: ModelPrompts,
    request: PromptRequest,
  ): Promise<unknown> {
    const messages: ChatMessage[] = fitMessages(request.messages, forms);
    const template = { forms, parsed_arguments: forms.object_arguments };
    const body = imageChatBody({ ...ask(messages), ...request, messages }, LOADED, template);
    const answer = await server.post("/apply-template", body);
    return "prompt" in (answer as object) ? undefined : { refused_by_llama_server: answer };
  }

  function tokenize(prompt: string): Uint32Array {
    return Uint32Array.of(vocabulary.tokenBos(), ...vocabulary.tokenize(prompt, true));
  }
});

describe("a vocabulary of llama.cpp makes tokens of texts as its list says:", () => {
  test("all 19 are here", () => {
    expect(vocabularies.length).toBe(19);
  });

  for (const { name, path: file, samples } of vocabularies)
    test(name, async () => {
      // The text is the whole prompt.
      const model = await prompts.open({ id: name, path: file, settings: { prompt_template: "{prompt}" } }, signal);
      for (const { text, tokens } of samples) {
        const prompt = await model.render({ messages: [{ role: "user", content: text }] }, 131_072, signal);
        // The list leaves out the token that begins a sequence.
        const made = (prompt as { tokens: number[] }).tokens.slice(-tokens.length);
        expect([text, made]).toEqual([text, tokens]);
      }
      model.close();
    });
});
